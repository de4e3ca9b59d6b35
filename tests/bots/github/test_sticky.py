"""Exactly one comment under an issue: edits, commands, labels, events that come twice or at once, and requests that get lost."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from bots.github.config import Config, Labels
from bots.github.errors import Busy, Refused
from bots.github.marker import marker_of
from tests.bots.github.conftest import OOM, OTHER, World

COMMENTS = r"/issues/\d+/comments"


def test_a_failure_gets_one_comment_with_labels_and_the_right_events_change_nothing(world: World) -> None:
    number = world.open("OOM when fine-tuning", OOM)
    outcome = world.run(number)
    assert (outcome.result, outcome.kind) == ("commented", "vram_oom")
    [body] = world.ours(number)
    assert marker_of(body) is not None
    assert "The GPU ran out of memory" in body
    assert "/advisor ignore" in body
    labels = world.labels(number)
    assert "oom" in labels
    assert len([label for label in labels if label.startswith("oom/")]) == 1
    posts = world.proxy.count("POST", COMMENTS)
    for action in ("opened", "edited", "reopened"):
        assert world.run(number, action).result == "unchanged"
    assert world.ours(number) == [body]
    assert (world.proxy.count("POST", COMMENTS), world.proxy.count("PATCH", "")) == (posts, 0)


def test_other_issues_are_left_in_silence(world: World) -> None:
    number = world.open("Wrong progress bar", OTHER)
    assert world.run(number).result == "silent"
    assert world.ours(number) == []
    assert world.labels(number) == set()
    assert world.proxy.count("POST", "") == 0


def test_the_comment_follows_the_text(world: World) -> None:
    number = world.open("OOM", OOM)
    world.run(number)
    [before] = world.ours(number)
    world.edit(number, body=OOM.replace("RTX 3090", "RTX 4090").replace("23.69", "23.64"))
    assert world.run(number, "edited").result == "updated"
    [after] = world.ours(number)
    assert "RTX 4090" in after
    assert after != before
    world.edit(number, body=OTHER, title="Something else")
    assert world.run(number, "edited").result == "removed"
    assert world.ours(number) == []
    assert world.labels(number) == set()
    world.edit(number, body=OOM)
    assert world.run(number, "edited").result == "commented"
    assert len(world.ours(number)) == 1


def test_an_edit_of_blanks_costs_no_change(world: World) -> None:
    number = world.open("OOM", OOM)
    world.run(number)
    world.edit(number, body=OOM.replace("\n", "  \r\n") + "\n\n")
    assert world.run(number, "edited").result == "unchanged"
    assert world.proxy.count("PATCH", "") == 0


def test_a_comment_that_no_longer_applies_can_be_struck(world: World) -> None:
    config = Config(when_gone="strike")
    number = world.open("OOM", OOM)
    world.run(number, config=config)
    world.edit(number, body=OTHER, title="Something else")
    assert world.run(number, "edited", config=config).result == "removed"
    [struck] = world.ours(number)
    assert "~~" in struck
    assert world.run(number, "edited", config=config).result == "unchanged"
    world.edit(number, body=OOM)
    assert world.run(number, "edited", config=config).result == "updated"
    [again] = world.ours(number)
    assert "ran out of memory" in again


def test_the_reporter_corrects_by_command_and_nobody_else(world: World) -> None:
    number = world.open("OOM", OOM)
    world.run(number)
    [before] = world.ours(number)
    stranger = world.say(number, "/advisor gpu=H200 batch_size=64", "passer-by")
    assert world.run(number, "created", stranger).result == "unchanged"
    assert world.ours(number) == [before]
    own = world.say(number, "Thank you.\n\n/advisor gpu=RTX 4090 batch_size=2 nonsense=@maintainer")
    assert world.run(number, "created", own).result == "updated"
    [after] = world.ours(number)
    assert "RTX 4090" in after
    assert "`nonsense=@maintainer`" in after
    by_maintainer = world.say(number, "/advisor batch_size=1", "maintainer")
    assert world.run(number, "created", by_maintainer).result == "updated"
    assert "| `batch_size` | `1` |" in world.ours(number)[0]


def test_ignore_and_recheck(world: World) -> None:
    number = world.open("OOM", OOM)
    world.run(number)
    ignore = world.say(number, "/advisor ignore", "maintainer")
    assert world.run(number, "created", ignore).result == "removed"
    assert world.ours(number) == []
    assert world.run(number, "edited").result == "silent"
    stranger = world.say(number, "/advisor recheck", "passer-by")
    assert world.run(number, "created", stranger).result == "silent"
    recheck = world.say(number, "/advisor recheck")
    assert world.run(number, "created", recheck).result == "commented"


def test_a_failure_in_a_later_comment_is_answered_once(world: World) -> None:
    number = world.open("Wrong progress bar", OTHER)
    comment = world.say(number, f"I see something else:\n\n{OOM}", "passer-by")
    assert world.run(number, "created", comment, Config(comments="reporter")).result == "silent"
    assert world.run(number, "created", comment).result == "commented"
    another = world.say(number, f"Me too.\n\n{OOM}", "reporter")
    assert world.run(number, "created", another).result in ("unchanged", "updated")
    [body] = world.ours(number)
    assert "`passer-by`" in body
    assert "@passer-by" not in body


def test_facts_that_the_reporter_adds_in_plain_words_count(world: World) -> None:
    number = world.open("OOM", OOM)
    world.run(number)
    reply = world.say(number, "Sorry, I forgot: the sequence length is 8192 tokens, and I use bf16.")
    assert world.run(number, "created", reply).result == "updated"
    assert "| `seq_len` | `8192` |" in world.ours(number)[0]


def test_a_label_taken_off_by_hand_stays_off_and_foreign_ones_stay_on(world: World) -> None:
    number = world.open("OOM", OOM)
    world.emulator.ask(
        "POST", f"/repos/{world.repository}/issues/{number}/labels", "token-maintainer", {"labels": ["oom/by-hand"]}
    )
    world.run(number)
    world.emulator.ask("DELETE", f"/repos/{world.repository}/issues/{number}/labels/oom", "token-maintainer")
    world.edit(number, body=OOM.replace("batch size 4", "batch size 8"))
    world.run(number, "edited")
    assert "oom" not in world.labels(number)
    world.edit(number, body=OTHER, title="Else")
    world.run(number, "edited")
    assert world.labels(number) == {"oom/by-hand"}


def test_labels_are_created_with_colour_and_words_and_can_be_switched_off(world: World) -> None:
    number = world.open("OOM", OOM)
    world.run(number, config=Config(labels=Labels(oom="memory", causes="", color="00ff00")))
    assert world.labels(number) == {"memory"}
    label = world.emulator.ask("GET", f"/repos/{world.repository}/labels/memory", "token-maintainer")
    assert (label["color"], label["description"]) == ("00ff00", "A run ran out of GPU memory")
    other = world.open("OOM", OOM)
    world.run(other, config=Config(labels=None))
    assert world.labels(other) == set()
    assert len(world.ours(other)) == 1


def test_refused_labels_do_not_keep_the_comment_back(world: World) -> None:
    number = world.open("OOM", OOM)
    refusal = (403, {"Content-Type": "application/json"}, '{"message": "Resource not accessible by integration"}')
    world.proxy.fail("POST", r"/labels", times=5, answer=refusal)
    assert world.run(number, config=Config(labels=Labels(oom="never-seen", causes=""))).result == "commented"
    assert world.labels(number) == set()


def test_others_comments_are_never_touched_whatever_they_hold(world: World) -> None:
    number = world.open("OOM", OOM)
    world.run(number)
    [body] = world.ours(number)
    world.say(number, body, "passer-by")
    world.say(number, body.replace("hash=", "hash=0"), "maintainer")
    assert world.run(number, "edited").result == "unchanged"
    world.edit(number, body=OTHER, title="Else")
    world.run(number, "edited", config=Config(comments="nobody"))
    assert {item["user"]["login"] for item in world.comments(number)} == {"passer-by", "maintainer"}


def test_closed_locked_old_and_opted_out_issues_are_left_alone(world: World) -> None:
    closed = world.open("OOM", OOM)
    world.edit(closed, state="closed")
    assert world.run(closed, "edited").why == "the issue is closed"
    command = world.say(closed, "/advisor recheck", "maintainer")
    assert world.run(closed, "created", command).result == "commented"
    marked = world.open("OOM", OOM)
    world.run(marked)
    path = f"/repos/{world.repository}/issues/{marked}/labels"
    world.emulator.ask("POST", path, "token-maintainer", {"labels": ["advisor-ignore"]})
    assert world.run(marked, "labeled").result == "removed"
    assert world.ours(marked) == []


def test_runs_at_the_same_moment_leave_one_comment(world: World) -> None:
    """All of them have seen no comment before the first one is written."""
    runs = 4
    number = world.open("OOM", OOM)
    barrier = threading.Barrier(runs)
    world.proxy.fail("POST", COMMENTS, times=runs, gate=lambda: barrier.wait(20))
    event = world.event(number)
    with ThreadPoolExecutor(runs) as pool:
        outcomes = list(pool.map(lambda _: world.triage(event).run(), range(runs)))
    assert world.proxy.count("POST", COMMENTS) == runs
    assert len(world.ours(number)) == 1
    assert all(outcome.result in ("commented", "unchanged", "updated") for outcome in outcomes)


def test_runs_at_the_same_moment_that_do_not_see_each_other_at_once(world: World) -> None:
    """Lists lag behind by one entry for a while, as they do on a service of many machines."""
    runs = 2
    number = world.open("OOM", OOM)
    barrier = threading.Barrier(runs)
    world.proxy.fail("POST", COMMENTS, times=runs, gate=lambda: barrier.wait(20))
    event = world.event(number)
    triages = [world.triage(event) for _ in range(runs)]
    world.proxy.fail("GET", COMMENTS, times=2)
    world.proxy.fail("GET", COMMENTS, times=2, stale=1)
    with ThreadPoolExecutor(runs) as pool:
        list(pool.map(lambda triage: triage.run(), triages))
    assert len(world.ours(number)) == 1


@pytest.mark.parametrize("fate", ["before", "after"])
def test_a_lost_answer_to_a_new_comment_gives_one_comment(world: World, fate: str) -> None:
    number = world.open("OOM", OOM)
    world.proxy.fail("POST", COMMENTS, drop=fate)
    assert world.run(number).result == "commented"
    assert len(world.ours(number)) == 1
    assert world.proxy.count("POST", COMMENTS) == (2 if fate == "before" else 1)


@pytest.mark.parametrize("carried_out", [False, True])
@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_5xx_on_a_new_comment_gives_one_comment(world: World, status: int, carried_out: bool) -> None:
    number = world.open("OOM", OOM)
    world.proxy.fail("POST", COMMENTS, answer=(status, {}, "<html>oops</html>"), carried_out=carried_out)
    world.run(number)
    assert len(world.ours(number)) == 1
    assert world.proxy.count("POST", COMMENTS) == (1 if carried_out else 2)


def test_a_lost_answer_that_is_listed_late_gives_one_comment(world: World) -> None:
    number = world.open("OOM", OOM)
    world.proxy.fail("POST", COMMENTS, drop="after")
    world.proxy.fail("GET", COMMENTS)
    world.proxy.fail("GET", COMMENTS, stale=1)
    world.run(number)
    assert world.proxy.count("POST", COMMENTS) == 2
    assert len(world.ours(number)) == 1


def test_a_slow_answer_gives_one_comment(world: World) -> None:
    number = world.open("OOM", OOM)
    world.proxy.fail("POST", COMMENTS, delay=1.5)
    event = world.event(number)
    world.triage(event, timeout=1).run()
    assert len(world.ours(number)) == 1


@pytest.mark.parametrize("verb", ["GET", "PATCH", "POST"])
@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (429, {"Retry-After": "7"}, '{"message": "Too many requests"}'),
        (403, {"Retry-After": "7"}, '{"message": "You have exceeded a secondary rate limit."}'),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "{now+7}"}, '{"message": "API rate limit exceeded"}'),
    ],
)
def test_limits_are_waited_for_as_long_as_github_asks(
    world: World, verb: str, status: int, headers: dict[str, str], body: str
) -> None:
    import time

    number = world.open("OOM", OOM)
    if verb == "PATCH":
        world.run(number)
        world.edit(number, body=OOM.replace("batch size 4", "batch size 8"))
    headers = {name: value.replace("{now+7}", str(int(time.time()) + 7)) for name, value in headers.items()}
    event = world.event(number, "edited")
    world.slept.clear()
    world.proxy.fail(verb, COMMENTS if verb != "PATCH" else "", answer=(status, headers, body))
    assert world.triage(event).run().result == ("updated" if verb == "PATCH" else "commented")
    assert len(world.ours(number)) == 1
    assert any(5.5 <= wait <= 8.5 for wait in world.slept)


def test_a_limit_that_lasts_too_long_ends_the_run_with_the_time_to_wait(world: World) -> None:
    number = world.open("OOM", OOM)
    world.proxy.fail("GET", COMMENTS, answer=(429, {"Retry-After": "3600"}, "{}"))
    with pytest.raises(Busy) as caught:
        world.run(number)
    assert caught.value.retry_after == pytest.approx(3600, abs=5)
    assert world.run(number).result == "commented"


def test_an_outage_ends_the_run_and_another_run_goes_on(world: World) -> None:
    number = world.open("OOM", OOM)
    world.proxy.fail("GET", r"/issues/\d+$", times=50, answer=(503, {}, ""))
    with pytest.raises(Busy):
        world.triage(world.event(number)).run()
    assert world.proxy.count("GET", r"/issues/\d+$") == 5
    world.proxy.faults.clear()
    assert world.run(number).result == "commented"


def test_a_wrong_token_is_said_and_not_tried_again(world: World) -> None:
    number = world.open("OOM", OOM)
    world.proxy.fail("GET", "", times=9, answer=(401, {}, '{"message": "Bad credentials"}'))
    event = world.event(number)
    with pytest.raises(Refused, match="Bad credentials") as caught:
        world.triage(event).run()
    assert "token" in caught.value.hint
    assert len(world.proxy.seen) == 1


def test_an_issue_that_is_gone_is_no_fault(world: World) -> None:
    number = world.open("OOM", OOM)
    event = world.event(number)
    world.proxy.fail("GET", r"/issues/\d+$", answer=(410, {}, '{"message": "This issue was deleted"}'))
    assert world.triage(event).run().result == "silent"


def test_a_comment_deleted_while_it_is_updated_is_written_anew(world: World) -> None:
    number = world.open("OOM", OOM)
    world.run(number)
    world.edit(number, body=OOM.replace("batch size 4", "batch size 8"))
    old = world.comments(number)[0]["id"]
    path = f"/repos/{world.repository}/issues/comments/{old}"
    world.proxy.fail("PATCH", "", gate=lambda: world.emulator.ask("DELETE", path, "token-maintainer"))
    assert world.run(number, "edited").result == "commented"
    assert len(world.ours(number)) == 1


def test_a_person_s_own_token_hears_that_person_too(world: World) -> None:
    """With a personal token the account that answers may be the one that asks."""
    number = world.open("OOM", OOM, "advisor-bot")
    world.run(number)
    command = world.say(number, "/advisor batch_size=2", "advisor-bot")
    assert world.run(number, "created", command).result == "updated"
    assert [body for body in world.ours(number) if "| `batch_size` | `2` |" in body]
    assert len(world.comments(number)) == 2


def test_our_comment_is_found_among_more_than_one_page_of_others(world: World) -> None:
    number = world.open("OOM", OOM)
    for _ in range(101):
        world.say(number, "+1", "passer-by")
    assert world.run(number).result == "commented"
    assert world.run(number, "edited").result == "unchanged"
    assert world.proxy.count("POST", COMMENTS) == 1


def test_a_token_that_does_not_say_who_it_belongs_to_still_gives_one_comment(world: World) -> None:
    """The token of an app may not ask /user: the first comment that it writes says who wrote it."""
    refusal = (403, {}, '{"message": "Resource not accessible by integration"}')
    number = world.open("OOM", OOM)
    for action in ("opened", "edited", "reopened"):
        world.proxy.fail("GET", "^/user$", answer=refusal)
        world.run(number, action)
        assert len(world.ours(number)) == 1


@pytest.mark.parametrize(
    "answer", ['{"data": {"viewer": {"login": "advisor-bot"}}}', '{"data": {"viewer": null}}', "[]"]
)
def test_graphql_knows_who_an_app_is(world: World, answer: str) -> None:
    world.proxy.fail("GET", "^/user$", answer=(403, {}, '{"message": "Resource not accessible by integration"}'))
    world.proxy.fail("POST", "^/graphql$", answer=(200, {"Content-Type": "application/json"}, answer))
    login = world.api().who_am_i()
    assert login == ("advisor-bot" if "advisor-bot" in answer else "github-actions[bot]")
