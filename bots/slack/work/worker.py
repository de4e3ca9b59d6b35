"""One worker process's loop: claim, answer, settle; hold on to leases; drain when told to stop."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Protocol

from advisor.errors import AdvisorError
from bots.slack.tools import Handler
from bots.slack.work.errors import LeaseLost, SlackRefused
from bots.slack.work.hands import Hands, Workshop
from bots.slack.work.outcome import MOST_TAKEOVERS, judged, note, reference
from bots.slack.work.queue import Job, Queue

log = logging.getLogger(__name__)
NOTE, NOTE_BY_CHANNEL = "note", "note-by-channel"
NOTES = frozenset({NOTE, NOTE_BY_CHANNEL})
LONGEST_RUN_S = 600.0
"""A handler that hangs for so long loses its lease: another worker tries, and may do better."""
IDLE_S = 0.5
"""How often an idle worker looks for what other replicas put in; its own replica's front wakes it at once."""


class Bell(Protocol):
    """What the front rings when it has put something in: a semaphore of `multiprocessing` or of `threading`."""

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Waits for a ring, at most `timeout` seconds."""


class Watch:
    """What the metrics want to know of each job; this one listens to nothing."""

    def ended(self, job: Job, outcome: str, seconds: float) -> None:
        """A run of a job came to its end after `seconds`: outcome done, again_REASON, failed_REASON or lost."""

    def beat(self) -> None:
        """The worker is alive."""


class Worker:
    """Runs handlers in threads, as many at a time as it has threads."""

    def __init__(
        self,
        queue: Queue,
        shop: Workshop,
        handlers: Mapping[str, Handler],
        *,
        owner: str,
        threads: int = 4,
        lease: float = 30.0,
        bell: Bell | None = None,
        watch: Watch | None = None,
    ) -> None:
        """
        Args:
            queue: where the jobs are.
            shop: what the handlers work with.
            handlers: kind of request -> who answers it.
            owner: this process's name, unique for ever.
            threads: answers in work at a time; the engine takes turns, the waiting for Slack does not.
            lease: seconds after which others may take over what this process, being dead, does not renew.
            bell: what wakes an idle worker.
            watch: the metrics.
        """
        self.queue, self.shop, self.handlers, self.owner = queue, shop, handlers, owner
        self.threads, self.lease, self.bell, self.watch = threads, lease, bell, watch or Watch()
        self._stop = threading.Event()
        self._running: dict[int, float] = {}
        self._changed = threading.Condition()

    def stop(self) -> None:
        """Asks the loop to answer what was put in before now, then to end. Safe in a signal handler."""
        self._stop.set()

    def run(self, *, grace: float = 25.0) -> None:
        """Works until `stop`, then drains for at most `grace` seconds and hands the rest back."""
        done = threading.Event()
        keeper = threading.Thread(target=self._keep, args=(done,), name="leases", daemon=True)
        keeper.start()
        pool = ThreadPoolExecutor(self.threads, thread_name_prefix="answers")
        try:
            while not self._stop.is_set():
                self._round(pool)
            self._drain(pool, time.monotonic() + grace)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            done.set()
            keeper.join(timeout=5)
            with suppress(Exception):  # the database may be what is broken; leases run out by themselves
                left = self.queue.hand_back(self.owner)
                if left:
                    log.warning("handed back", extra={"jobs": left})

    def _drain(self, pool: ThreadPoolExecutor, end: float) -> None:
        last: int | None = None
        while time.monotonic() < end:
            try:
                last = self.queue.last() if last is None else last
                if not self._take(pool, last) and not self._running:
                    return
            except Exception as error:
                log.error("the queue can't be read", exc_info=error)
            self._wait(0.05, whole=True)

    def _round(self, pool: ThreadPoolExecutor) -> None:
        """Claims as much as there are free threads, or waits for a reason to look again."""
        self.watch.beat()
        try:
            if len(self._running) >= self.threads:
                self._wait(IDLE_S)
                return
            taken = self._take(pool)
            if self.bell is None:
                self._stop.wait(0 if taken else 0.02)
            elif taken:
                for _ in range(taken):  # their rings are answered
                    self.bell.acquire(False)
            else:
                self.bell.acquire(True, IDLE_S)
        except Exception as error:
            log.error("the queue can't be read", exc_info=error)
            self._stop.wait(2.0)

    def _take(self, pool: ThreadPoolExecutor, up_to: int | None = None) -> int:
        free = self.threads - len(self._running)
        claimed = self.queue.claim(self.owner, free, self.lease, up_to=up_to) if free > 0 else []
        for job in claimed:
            with self._changed:
                self._running[job.id] = time.monotonic()
            pool.submit(self._run, job)
        return len(claimed)

    def _wait(self, seconds: float, *, whole: bool = False) -> None:
        with self._changed:
            if whole or len(self._running) >= self.threads:
                self._changed.wait(seconds)

    def _run(self, job: Job) -> None:
        started = time.monotonic()
        outcome = "lost"
        try:
            outcome = self._answer(job)
        except LeaseLost:
            self._lost(job)
        except Exception as error:  # the database failed while the job was being settled: its lease runs out
            log.error("not settled", extra=_about(job), exc_info=error)
            outcome = "unsettled"
        finally:
            with self._changed:
                self._running.pop(job.id, None)
                self._changed.notify_all()
            self.watch.ended(job, outcome, time.monotonic() - started)
            log.info("job", extra=_about(job) | {"outcome": outcome, "ms": round(1000 * (time.monotonic() - started))})

    def _answer(self, job: Job) -> str:
        hands = Hands(self.shop, job)
        handler = self.handlers.get(job.kind)
        if handler is None or job.takeovers >= MOST_TAKEOVERS:
            log.error("no handler" if handler is None else "kills workers", extra=_about(job))
            self._tell(hands, job, note("failed", job))
            self.queue.end(job, "failed")
            return "failed_no_handler" if handler is None else "failed_poison"
        if job.attempt > 1 and self.shop.journal.posted(job) & NOTES:
            self.queue.end(job, "failed")  # killed after it had said that it gave up
            return "failed_noted"
        try:
            handler(job.payload, hands)
        except LeaseLost:
            raise
        except Exception as error:
            verdict = judged(error, job)
            told = isinstance(error, AdvisorError) and not isinstance(error, SlackRefused)
            if verdict.after is not None:
                log.warning("again", extra=_about(job) | {"reason": verdict.reason, "after": round(verdict.after, 1)})
                self.queue.put_back(job, verdict.after)
                return f"again_{verdict.reason}"
            if not told:
                log.error("given up", extra=_about(job) | {"reason": verdict.reason}, exc_info=error)
            if told or not self.shop.journal.posted(
                job
            ):  # who has the answer needs no excuse for what was to follow it
                self._tell(hands, job, verdict.note)
            self.queue.end(job, "done" if told else "failed")
            return "done" if told else f"failed_{verdict.reason}"
        self.queue.end(job)
        return "done"

    def _tell(self, hands: Hands, job: Job, text: str | None) -> None:
        """One note to who asked, where there is a way to reach them; a note that fails is only logged."""
        if not text:
            return
        where = job.payload
        body: dict[str, Any] = {"text": escaped(text)}
        ways: list[Callable[[], object]] = []
        if where.get("response_url"):
            ephemeral = body | {"response_type": "ephemeral", "replace_original": False}
            ways.append(lambda: hands.respond(str(where["response_url"]), ephemeral, NOTE))
        if where.get("channel") and where.get("user"):
            thread = {"thread_ts": where["thread_ts"]} if where.get("thread_ts") else {}
            to = body | {"channel": where["channel"], "user": where["user"]} | thread
            team, enterprise = str(where.get("team") or ""), str(where.get("enterprise") or "")
            ways.append(
                lambda: hands.post(team, to, NOTE_BY_CHANNEL, enterprise=enterprise, method="chat.postEphemeral")
            )
        for way in ways:
            try:
                way()
                return
            except LeaseLost:
                raise
            except Exception as error:
                log.warning("a note did not get through", extra=_about(job), exc_info=error)

    def _lost(self, job: Job) -> None:
        """Taken over by another worker; or forgotten, and then what this run has just kept goes too."""
        log.warning("lease lost", extra=_about(job))
        if self.queue.gone(job):
            self.shop.store.delete_case(job.token)

    def _keep(self, done: threading.Event) -> None:
        """Renews the leases of what runs, a few times within each lease."""
        while not done.wait(self.lease / 4):
            self.watch.beat()
            began = time.monotonic() - LONGEST_RUN_S
            ids = [job for job, start in list(self._running.items()) if start > began]
            if ids:
                try:
                    self.queue.renew(self.owner, ids, self.lease)
                except Exception as error:
                    log.error("leases can't be renewed", exc_info=error)


def escaped(text: str) -> str:
    """Plain text for Slack's mrkdwn: nothing in it pings or links."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _about(job: Job) -> dict[str, Any]:
    return {"job": reference(job), "kind": job.kind, "attempt": job.attempt, "takeovers": job.takeovers}
