"""Deaths: what a killed worker had sent is not sent again, what it had not is; what is in doubt is looked up or says so."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest
import sqlalchemy as sa
from slack_sdk import WebClient

from advisor.diagnosis import default_library
from bots.slack.store import Store
from bots.slack.tools import Tools
from bots.slack.work.errors import LeaseLost
from bots.slack.work.hands import Hands, Workshop
from bots.slack.work.journal import Journal
from bots.slack.work.queue import Queue
from tests.bots.slack.bench import Bench, wait_for
from tests.bots.slack.emulator import TOKEN, Emulator, emulator

__all__ = ["emulator"]


def test_a_post_in_doubt_is_looked_up_in_the_channel(bench: Bench) -> None:
    bench.slack.faults["chat.postMessage"].append("swallow")  # Slack took it, and its answer was lost
    bench.put("post")
    bench.start()
    bench.settled()
    assert bench.posts() == ["the answer"]
    [token] = [row["text"] for row in bench.slack.posts["C1"]]
    assert "conversations.history" in bench.slack.calls
    wait_for(lambda: bench.seen.outcomes == ["again_timeout", "done"])
    assert token == "the answer"


def test_a_post_that_did_not_arrive_is_posted(bench: Bench) -> None:
    bench.slack.faults["chat.postMessage"].extend(["drop", 502])
    bench.put("post")
    bench.start()
    bench.settled()
    assert bench.posts() == ["the answer"]


def test_killed_before_it_sent_it_is_answered_by_another(bench: Bench) -> None:
    bench.put()
    bench.claim()
    bench.start()
    bench.settled()
    assert bench.answers() == ["the answer"]


def test_killed_after_it_sent_nothing_is_sent_again(bench: Bench) -> None:
    bench.put()
    bench.answer({"response_url": bench.slack.response_url("k")}, bench.alive())
    bench.start()
    bench.settled()
    assert bench.answers() == ["the answer"]
    wait_for(lambda: bench.seen.outcomes == ["done"])


def test_killed_between_the_last_byte_and_the_commit_it_is_sent_again_and_says_so(bench: Bench) -> None:
    bench.put(lang="zh")
    hands = bench.alive()
    bench.shop.journal.intend(hands._job, "answer")
    bench.handlers["answer"] = lambda payload, tools: tools.respond(
        payload["response_url"], {"text": "答案"}, lang="zh"
    )
    bench.start()
    bench.settled()
    [text] = bench.answers()
    assert text == "答案\n_重新发送:上一次发送没有得到 Slack 的确认。_"


def test_killed_after_a_post_its_ts_is_found(bench: Bench) -> None:
    bench.put("post")
    hands = bench.alive()
    bench.post({}, hands)
    ts = bench.slack.posts["C1"][0]["ts"]
    bench.store.delete_case(hands.token)
    bench.start()
    bench.settled()
    assert bench.posts() == ["the answer"]
    found = bench.store.case(hands.token)
    assert found is not None
    assert found.message_ts == ts


def test_where_the_channel_can_not_be_read_what_was_sent_is_not_doubled(bench: Bench) -> None:
    bench.slack.readable = False
    bench.put("post")
    hands = bench.alive()
    bench.shop.journal.intend(hands._job, "answer")
    with bench.shop.journal.sending(hands._job, "answer"):
        pass
    bench.start()
    bench.settled()
    assert bench.posts() == []  # it had left for Slack


def test_a_job_that_kills_its_workers_is_given_up(bench: Bench) -> None:
    bench.put()
    for _ in range(4):
        bench.claim()
    bench.start()
    bench.settled()
    [note] = bench.answers()
    assert note.startswith("Sorry")
    wait_for(lambda: bench.seen.outcomes == ["failed_poison"])


def test_killed_after_it_gave_up_it_does_not_answer_after_all(bench: Bench) -> None:
    bench.put()
    bench.alive().respond(bench.slack.response_url("k"), {"text": "sorry"}, "note")
    bench.start()
    bench.settled()
    assert bench.answers() == ["sorry"]
    wait_for(lambda: bench.seen.outcomes == ["failed_noted"])


def test_who_has_the_answer_gets_no_excuse(bench: Bench) -> None:
    def half(payload: Mapping[str, Any], tools: Tools) -> None:
        bench.answer(payload, tools)
        raise KeyError("the picture")

    bench.handlers["answer"] = half
    bench.put()
    bench.start()
    bench.settled()
    assert bench.answers() == ["the answer"]
    wait_for(lambda: bench.seen.outcomes == ["again_error", "failed_error"])


def test_once_is_once_however_often_the_job_is_run(bench: Bench) -> None:
    ran: list[bool] = []

    def upload(payload: Mapping[str, Any], tools: Tools) -> None:
        ran.append(tools.once("file"))
        if len(ran) == 1:
            raise OSError("the network")

    bench.handlers["answer"] = upload
    bench.put()
    bench.start()
    bench.settled()
    assert ran == [True, False]


def test_a_slow_handler_keeps_its_lease(bench: Bench) -> None:
    def slow(payload: Mapping[str, Any], tools: Tools) -> None:
        time.sleep(1.5)
        bench.answer(payload, tools)

    bench.handlers["answer"] = slow
    bench.put()
    bench.start(lease=0.5)
    bench.start(lease=0.5)
    bench.settled()
    assert bench.answers() == ["the answer"]
    wait_for(lambda: bench.seen.outcomes == ["done"])


def test_a_handler_that_hangs_loses_its_lease(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bots.slack.work.worker.LONGEST_RUN_S", 0.2)
    wake = threading.Event()
    runs: list[int] = []

    def hang(payload: Mapping[str, Any], tools: Tools) -> None:
        runs.append(1)
        if len(runs) == 1:
            wake.wait(20)
        bench.answer(payload, tools)

    bench.handlers["answer"] = hang
    bench.put()
    bench.start(lease=0.8)
    bench.settled()
    wake.set()
    wait_for(lambda: sorted(bench.seen.outcomes) == ["done", "lost"])
    assert bench.answers() == ["the answer"]


def test_the_emulator_keeps_what_a_post_is_found_by(store: Store, emulator: Emulator) -> None:
    queue = Queue(store.database)
    shop = Workshop(
        store=store,
        library=default_library(),
        journal=Journal(store.database),
        client_of=lambda team, enterprise: WebClient(TOKEN, base_url=emulator.url, retry_handlers=[]),
        response_hosts=(emulator.host,),
    )
    body = {"channel": emulator.channels["general"], "text": f"the answer of {time.time()}"}
    queue.put("post", f"k-{time.time()}", {})
    [first] = queue.claim("first", 1, 0.5)
    ts = Hands(shop, first).post("T1", body)
    with store.database.write() as connection:  # as if it had been killed before the commit
        connection.execute(sa.text("UPDATE steps SET state = 'intent', ts = ''"))
    time.sleep(0.6)
    [second] = queue.claim("second", 1, 30)
    assert Hands(shop, second).post("T1", body) == ts
    assert [message["text"] for message in emulator.messages(body["channel"])].count(body["text"]) == 1


def test_a_lost_lease_sends_nothing(bench: Bench) -> None:
    bench.put()
    dead = bench.claim()
    bench.queue.claim("other", 1, 30)
    with pytest.raises(LeaseLost):
        dead.respond(bench.slack.response_url("k"), {"text": "too late"})
    assert bench.answers() == []
