"""Workers: each request answered once, through faults of Slack and rate limits; what is given up is said once."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest

from advisor.errors import AdvisorError
from bots.slack.store import Case
from bots.slack.tools import Tools
from bots.slack.work import outcome
from bots.slack.work.errors import SlackRefused
from bots.slack.work.worker import Worker
from tests.bots.slack.bench import Bench, wait_for


def test_many_requests_and_two_workers_give_one_answer_each(bench: Bench) -> None:
    for number in range(30):
        bench.put(key=f"k{number}")
    bench.start()
    bench.start()
    bench.settled()
    assert [bench.answers(f"k{number}") for number in range(30)] == [["the answer"]] * 30


@pytest.mark.parametrize("fault", [500, 503, "drop", (429, {"Retry-After": "1"})])
def test_an_answer_survives_faults_of_slack(bench: Bench, fault: Any) -> None:
    bench.slack.faults["respond"].append(fault)
    bench.put()
    started = time.monotonic()
    bench.start()
    bench.settled()
    [text] = bench.answers()
    assert text.startswith("the answer")
    assert ("Sent again" in text) == (fault == "drop")  # only silence leaves doubt
    if isinstance(fault, tuple):
        assert time.monotonic() - started >= 1.0


def test_an_answer_survives_a_slack_that_says_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bots.slack.work.post.ANSWER_S", 0.2)
    bench.slack.faults["respond"].append("hang")
    bench.put()
    bench.start()
    bench.settled()
    [text] = bench.answers()
    assert "Sent again" in text
    wait_for(lambda: bench.seen.outcomes == ["again_timeout", "done"])


def test_a_rate_limited_job_waits_in_the_queue_and_holds_up_no_other(bench: Bench) -> None:
    bench.slack.faults["respond"].append((429, {"Retry-After": "3600"}))
    bench.put(key="limited")
    bench.put(key="other")
    bench.start(threads=1)
    wait_for(lambda: bench.answers("other") == ["the answer"])
    wait_for(lambda: bench.seen.outcomes == ["again_rate_limited", "done"])
    assert bench.queue.depth().ready == 1
    assert bench.answers("limited") == []


def test_an_error_for_the_user_is_told_once_and_ends_the_job(bench: Bench) -> None:
    def refuse(payload: Mapping[str, Any], tools: Tools) -> None:
        raise AdvisorError("no GPU is called <!channel>")

    bench.handlers["answer"] = refuse
    bench.put()
    bench.start()
    bench.settled()
    assert bench.answers() == ["no GPU is called &lt;!channel&gt;"]
    wait_for(lambda: bench.seen.outcomes == ["done"])


def test_an_error_of_ours_is_tried_once_more_and_then_said(bench: Bench) -> None:
    def fail(payload: Mapping[str, Any], tools: Tools) -> None:
        raise KeyError(payload["text"])

    bench.handlers["answer"] = fail
    bench.put(text="the user's words")
    bench.start()
    bench.settled()
    [note] = bench.answers()
    assert note.startswith("Sorry, I could not answer this")
    wait_for(lambda: bench.seen.outcomes == ["again_error", "failed_error"])


def test_a_refused_response_url_ends_the_job_and_the_note_takes_the_other_way(bench: Bench) -> None:
    bench.slack.faults["respond"].extend([404, 404])
    bench.put(channel="C1")
    bench.start()
    bench.settled()
    assert bench.answers() == []
    [note] = bench.slack.posts["C1"]
    assert (note["user"], note["text"].startswith("Sorry")) == ("U1", True)


def test_after_the_deadline_a_job_is_given_up_with_one_note(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcome, "DEADLINE_S", 0.3)
    bench.slack.faults["chat.postMessage"].extend([503] * 50)
    bench.put("post")
    bench.start()
    bench.settled()
    [note] = bench.answers()
    assert note.startswith("Sorry, this took too long")
    wait_for(lambda: bench.seen.outcomes[-1] == "failed_late")


def test_an_unknown_kind_is_said(bench: Bench) -> None:
    bench.put("unheard-of")
    bench.start()
    bench.settled()
    assert len(bench.answers()) == 1
    wait_for(lambda: bench.seen.outcomes == ["failed_no_handler"])


def test_stopping_answers_what_was_accepted_and_takes_nothing_new(bench: Bench) -> None:
    entered = threading.Event()

    def slow(payload: Mapping[str, Any], tools: Tools) -> None:
        entered.set()
        time.sleep(0.3)
        bench.answer(payload, tools)

    bench.handlers["answer"] = slow
    for number in range(4):
        bench.put(key=f"k{number}")
    worker = bench.start(threads=1)
    assert entered.wait(10)
    worker.stop()
    bench.workers[0][1].join(15)
    assert [bench.answers(f"k{number}") for number in range(4)] == [["the answer"]] * 4
    bench.put(key="late")
    time.sleep(0.2)
    assert bench.queue.depth().ready == 1


def test_what_can_not_be_finished_in_time_is_handed_back(bench: Bench) -> None:
    entered = threading.Event()

    def endless(payload: Mapping[str, Any], tools: Tools) -> None:
        entered.set()
        time.sleep(2.0)
        bench.answer(payload, tools)

    bench.handlers["answer"] = endless
    bench.put()
    worker = Worker(bench.queue, bench.shop, bench.handlers, owner="slow", watch=bench.seen)
    thread = threading.Thread(target=worker.run, kwargs={"grace": 0.2}, daemon=True)
    thread.start()
    assert entered.wait(10)
    worker.stop()
    thread.join(15)
    assert bench.queue.depth().ready == 1
    bench.handlers["answer"] = bench.answer
    bench.start()
    bench.settled()
    wait_for(lambda: "lost" in bench.seen.outcomes)  # the slow one found that it was its job no more
    assert bench.answers() == ["the answer"]


def test_what_a_forgotten_person_asked_meanwhile_is_not_kept(bench: Bench) -> None:
    def meanwhile(payload: Mapping[str, Any], tools: Tools) -> None:
        tools.store.forget_user("T1", "U1")
        tools.store.add_case(Case(id=tools.token, team="T1", user="U1", text="x"))
        tools.respond(payload["response_url"], {"text": "the answer"})

    bench.handlers["answer"] = meanwhile
    bench.put()
    bench.start()
    wait_for(lambda: bench.seen.outcomes == ["lost"])
    assert bench.answers() == []
    assert bench.store.stats().cases == {}


def test_only_slack_is_posted_to(bench: Bench) -> None:
    bench.put()
    hands = bench.alive()
    for url in (
        "http://169.254.169.254/latest",
        "https://slack.com.example.org/x",
        "http://hooks.slack.com/x",
        "file:///x",
    ):
        with pytest.raises(SlackRefused, match="not_slack"):
            hands.respond(url, {"text": "x"}, step=url)
