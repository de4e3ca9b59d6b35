"""The pool of workers: one job an issue at a time, limits and outages waited for without holding a worker, a graceful end."""

from __future__ import annotations

import logging
import threading
import time
from typing import Protocol

import msgspec

from advisor.errors import AdvisorError
from advisor.library import Library
from bots.github.answer import issue_text
from bots.github.app.store import Job, Store
from bots.github.config import Config
from bots.github.errors import Busy, Refused
from bots.github.event import Event, Issue, irrelevant
from bots.github.policy import judge
from bots.github.text import written
from bots.github.triage import Api, Triage, settings

log = logging.getLogger("advisor.github.app")

MOST_ATTEMPTS = 8
_LONGEST_PAUSE = 3_600.0
_MOST_IN_MEMORY = 2_000
_FORGET_EVERY = 600.0
_CONFIG_SECONDS = 120.0


class Clients(Protocol):
    """Who gives out clients: `installations.Installations`."""

    def client(self, installation: int, repository: str) -> Api: ...
    def renew(self, installation: int) -> None: ...


class Workers:
    """Threads that take jobs from the store until they are stopped.

    Args:
        size: how many threads, and so how many issues at a time.
        settle: see `triage.Triage`.
        poll: seconds after which a waiting worker looks for jobs that have become due.
    """

    def __init__(
        self, store: Store, clients: Clients, library: Library, *, size: int = 2, settle: float = 1.0, poll: float = 1.0
    ) -> None:
        self._store = store
        self._clients = clients
        self._library = library
        self._settle = settle
        self._poll = poll
        self._size = size
        self._threads: list[threading.Thread] = []
        self._stop = threading.Event()
        self._news = threading.Condition()
        self._events: dict[str, Event] = {}  # the texts of deliveries that wait, in memory alone
        self._configs: dict[str, tuple[float, Config]] = {}
        self._forgot = 0.0

    @property
    def alive(self) -> bool:
        """Whether all threads run."""
        return bool(self._threads) and all(thread.is_alive() for thread in self._threads)

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._stop.is_set()

    def start(self) -> None:
        """Takes up jobs that a dead process left, and starts the threads."""
        left = self._store.recover()
        if left:
            log.info("recovered", extra={"jobs": left})
        for number in range(self._size):
            thread = threading.Thread(target=self._work, name=f"triage-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def wake(self, delivery: str, event: Event) -> None:
        """There is a new job. Its texts save a request where they show at once that there is nothing to say."""
        with self._news:
            if len(self._events) < _MOST_IN_MEMORY:
                self._events[delivery] = event
            self._news.notify()

    def stop(self, seconds: float = 20.0) -> bool:
        """Lets running jobs end, for at most `seconds`; waiting ones stay in the store. Whether all threads ended."""
        self._stop.set()
        with self._news:
            self._news.notify_all()
        end = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                job = self._store.take()
                if job is None:
                    self._tidy()
                    with self._news:
                        if not self._stop.is_set():
                            self._news.wait(self._poll)
                    continue
                self._do(job)
            except Exception as error:
                log.error("worker", extra={"why": type(error).__name__})
                self._stop.wait(self._poll)

    def _tidy(self) -> None:
        now = time.monotonic()
        if now - self._forgot > _FORGET_EVERY:
            self._forgot = now
            self._store.forget()

    def _do(self, job: Job) -> None:
        with self._news:
            event = self._events.pop(job.delivery, None)
            for delivery in job.merged:
                self._events.pop(delivery, None)
                event = None  # what the thread has become says more than any of them alone
        started = time.monotonic()
        note: dict[str, object] = {
            "delivery": job.delivery,
            "repository": job.repository,
            "issue": job.issue,
            "action": job.action,
        }
        try:
            result = self._triaged(job, event)
        except Busy as error:
            if job.attempts >= MOST_ATTEMPTS:
                self._give_up(job, note, error.message)
                return
            pause = min(_LONGEST_PAUSE, max(1.0, error.retry_after) * 1.5 ** (job.attempts - 1))
            self._store.later(job, pause)
            log.warning("later", extra=note | {"why": error.message, "seconds": round(pause)})
            return
        except Refused as error:
            if error.status == 401 and job.attempts == 1:  # the token was taken back before its time
                self._clients.renew(job.installation)
                self._store.later(job, 1.0)
                return
            self._give_up(job, note, str(error.message))
            return
        except AdvisorError as error:
            self._give_up(job, note, error.message)
            return
        except Exception as error:
            # The message of an unforeseen error may hold somebody's text: its kind and place are enough to find it.
            self._again(job, note | {"why": type(error).__name__, "place": _place(error)})
            return
        self._store.done(job)
        log.info("done", extra=note | {"result": result, "seconds": round(time.monotonic() - started, 2)})

    def _again(self, job: Job, note: dict[str, object]) -> None:
        if job.attempts >= 3:
            self._store.failed(job)
            log.error("failed", extra=note)
        else:
            self._store.later(job, 5.0 * job.attempts)
            log.error("later", extra=note)

    def _give_up(self, job: Job, note: dict[str, object], why: str) -> None:
        self._store.failed(job)
        log.error("failed", extra=note | {"why": why})

    def _triaged(self, job: Job, event: Event | None) -> str:
        api = self._clients.client(job.installation, job.repository)
        config = self._config(job.repository, api)
        if not config.enabled:
            return "switched off"
        if event is not None and (
            irrelevant(event, opt_out_label=config.opt_out_label) or self._nothing_in(event, config)
        ):
            return "silent"
        about = msgspec.structs.replace(event.issue, body="") if event is not None else Issue(job.issue)
        current = Event(job.action, job.repository, about, commanded=job.commanded, again=job.again)
        return Triage(api, current, config, self._library, settle=self._settle).run().result

    def _nothing_in(self, event: Event, config: Config) -> bool:
        """Whether the delivery's own text shows that nothing changes: a new text without a failure, on which no answer can hang."""
        if event.commanded:
            return False
        if event.comment is None:
            text = issue_text(event.issue)
            return event.action == "opened" and not judge(text, self._library, config, title=event.issue.title).speak
        if event.action != "created" or event.comment.author == event.issue.author:
            return False
        return not judge(
            written(event.comment.body, quotes=False), self._library, config, title=event.issue.title
        ).speak

    def _config(self, repository: str, api: Api) -> Config:
        known = self._configs.get(repository)
        now = time.monotonic()
        if known is None or now - known[0] > _CONFIG_SECONDS:
            if len(self._configs) > _MOST_IN_MEMORY:
                self._configs.clear()
            known = (now, settings(api))
            self._configs[repository] = known
        return known[1]


def _place(error: BaseException) -> str:
    """File and line where an error arose, without what it says."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}" if trace is not None else ""
