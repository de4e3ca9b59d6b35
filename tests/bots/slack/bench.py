"""A queue with workers whose handlers a test writes, between a store and the double of Slack."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from slack_sdk import WebClient

from advisor.diagnosis import default_library
from bots.slack.store import Case, Store
from bots.slack.tools import Handler, Tools
from bots.slack.work.hands import Hands, Workshop
from bots.slack.work.journal import Journal
from bots.slack.work.queue import Job, Queue
from bots.slack.work.worker import Watch, Worker
from tests.bots.slack.double import SlackDouble


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

    def alive(self) -> Hands:
        """The tools of a worker that works, and whose lease ends soon after: it is dead then."""
        return self.claim(lease=0.3)

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
