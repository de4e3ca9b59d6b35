"""Workers: each request answered once, through faults of Slack, deaths of workers, rate limits; what is given up is said once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import sqlalchemy as sa
from slack_sdk import WebClient

from advisor.diagnosis import default_library
from advisor.errors import AdvisorError
from bots.slack.store import Case, Store
from bots.slack.tools import Handler, Tools
from bots.slack.work import outcome
from bots.slack.work.errors import LeaseLost, SlackRefused
from bots.slack.work.hands import Hands, Workshop
from bots.slack.work.journal import Journal
from bots.slack.work.queue import Job, Queue
from bots.slack.work.worker import Watch, Worker
from tests.bots.slack.double import SlackDouble
from tests.bots.slack.emulator import TOKEN, Emulator, emulator

__all__ = ["emulator"]


class Seen(Watch):
    def __init__(self) -> None:
        self.outcomes: list[str] = []

    def ended(self, job: Job, outcome: str, seconds: float) -> None:
        self.outcomes.append(outcome)


class Bench:
    """A queue with a worker whose handlers the test writes."""

    def __init__(self, store: Store, slack: SlackDouble) -> None:
        self.store, self.slack, self.queue, self.seen = store, slack, Queue(store.database), Seen()
        self.handlers: dict[str, Handler] = {"answer": self.answer, "post": self.post}
        self.shop = Workshop(
            store=store,
            library=default_library(),
            journal=Journal(store.database),
            client_of=lambda team, enterprise: WebClient("xoxb-1", base_url=slack.api_url, retry_handlers=[]),
            response_hosts=(slack.host,),
        )
        self.workers: list[tuple[Worker, threading.Thread]] = []

    def answer(self, payload: Mapping[str, Any], tools: Tools) -> None:
        tools.respond(payload["response_url"], {"text": "the answer"})

    def post(self, payload: Mapping[str, Any], tools: Tools) -> None:
        ts = tools.post("T1", {"channel": "C1", "text": "the answer"})
        tools.store.add_case(Case(id=tools.token, team="T1", user="U1", text="x", message_ts=ts))

    def put(self, kind: str = "answer", key: str = "k", **payload: Any) -> None:
        payload = {"team": "T1", "user": "U1", "lang": "en", "response_url": self.slack.response_url(key)} | payload
        self.queue.put(kind, key, payload)

    def claim(self, owner: str = "dead", lease: float = -1) -> Hands:
        """The tools of a worker that will die; its lease is over at once."""
        [job] = self.queue.claim(owner, 1, lease)
        return Hands(self.shop, job)

    def start(self, **options: Any) -> Worker:
        worker = Worker(self.queue, self.shop, self.handlers, owner=f"w{len(self.workers)}", watch=self.seen, **options)
        thread = threading.Thread(target=worker.run, kwargs={"grace": 10}, daemon=True)
        thread.start()
        self.workers.append((worker, thread))
        return worker

    def settled(self, seconds: float = 20) -> None:
        """Waits until nothing is in the queue."""

        def empty() -> bool:
            depth = self.queue.depth()
            return depth.ready + depth.leased == 0

        wait_for(empty, seconds)

    def answers(self, key: str = "k") -> list[str]:
        return [body["text"] for body in self.slack.responses[key]]

    def posts(self) -> list[str]:
        return [body["text"] for body in self.slack.posts["C1"]]


def wait_for(holds: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


@pytest.fixture
def bench(store: Store, slack: SlackDouble, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(outcome, "FIRST_WAIT_S", 0.02)
    made = Bench(store, slack)
    yield made
    for worker, thread in made.workers:
        worker.stop()
        thread.join(15)
        assert not thread.is_alive()


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


def test_a_rate_limited_job_waits_in_the_queue_and_holds_up_no_other(bench: Bench) -> None:
    bench.slack.faults["respond"].append((429, {"Retry-After": "3600"}))
    bench.put(key="limited")
    bench.put(key="other")
    bench.start(threads=1)
    wait_for(lambda: bench.answers("other") == ["the answer"])
    wait_for(lambda: bench.seen.outcomes == ["again_rate_limited", "done"])
    assert bench.queue.depth().ready == 1
    assert bench.answers("limited") == []


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
    bench.answer({"response_url": bench.slack.response_url("k")}, _alive(bench))
    bench.start()
    bench.settled()
    assert bench.answers() == ["the answer"]
    wait_for(lambda: bench.seen.outcomes == ["done"])


def test_killed_between_the_last_byte_and_the_commit_it_is_sent_again_and_says_so(bench: Bench) -> None:
    bench.put(lang="zh")
    hands = _alive(bench)
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
    hands = _alive(bench)
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
    hands = _alive(bench)
    bench.shop.journal.intend(hands._job, "answer")
    with bench.shop.journal.sending(hands._job, "answer"):
        pass
    bench.start()
    bench.settled()
    assert bench.posts() == []  # it had left for Slack


def _alive(bench: Bench) -> Hands:
    """The tools of a worker that works, and whose lease ends soon after: it is dead then."""
    [job] = bench.queue.claim("dead", 1, 0.3)
    return Hands(bench.shop, job)


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


def test_a_job_that_kills_its_workers_is_given_up(bench: Bench) -> None:
    bench.put()
    for _ in range(4):
        bench.claim()
    bench.start()
    bench.settled()
    [note] = bench.answers()
    assert note.startswith("Sorry")
    wait_for(lambda: bench.seen.outcomes == ["failed_poison"])


def test_an_unknown_kind_is_said(bench: Bench) -> None:
    bench.put("unheard-of")
    bench.start()
    bench.settled()
    assert len(bench.answers()) == 1
    wait_for(lambda: bench.seen.outcomes == ["failed_no_handler"])


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
    hands = _alive(bench)
    for url in (
        "http://169.254.169.254/latest",
        "https://slack.com.example.org/x",
        "http://hooks.slack.com/x",
        "file:///x",
    ):
        with pytest.raises(SlackRefused, match="not_slack"):
            hands.respond(url, {"text": "x"}, step=url)


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
