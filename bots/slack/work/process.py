"""A worker process: the engine, the handlers, and the loop that gives them jobs."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import signal
import sys
from typing import Any

from bots.slack.front import end_with_parent, every, library_of
from bots.slack.logs import set_up
from bots.slack.metrics import CALLS, Counting
from bots.slack.settings import Settings
from bots.slack.store import Store
from bots.slack.work.hands import Workshop
from bots.slack.work.journal import Journal
from bots.slack.work.queue import Queue
from bots.slack.work.worker import Worker
from bots.slack.workspaces import Workspaces

log = logging.getLogger(__name__)
SWEEP_S = 3_600.0
SWITCH_S = 0.001
"""Python's threads change turns this often: one that posts must not wait long for one that thinks."""
NICENESS = 10
"""Answers give way to acknowledgements, which have three seconds."""


def worker_process(settings: Settings, bell: Any, beats: Any, place: int) -> None:
    """Works until SIGTERM, then drains: answers what waits, hands back the rest after `settings.grace` seconds."""
    set_up()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.setswitchinterval(SWITCH_S)
    with contextlib.suppress(OSError, AttributeError):
        os.nice(NICENESS)
    from advisor.diagnosis import engine_of
    from bots.slack.answers import HANDLERS

    library = library_of(settings)
    engine_of(library)  # compiled before the first job
    store = Store.open(settings.database, migrate=False, connections=settings.threads + 4)
    workspaces = Workspaces(settings, store)
    queue = Queue(store.database, limit=settings.queue_limit)
    shop = Workshop(
        store=store,
        library=library,
        journal=Journal(store.database),
        client_of=workspaces.client,
        files_hosts=settings.hosts,
        response_hosts=settings.hosts,
        count=lambda method, outcome: CALLS.labels(method, outcome).inc(),
    )
    worker = Worker(
        queue,
        shop,
        HANDLERS,
        owner=f"{os.getpid()}-{secrets.token_hex(8)}",
        threads=settings.threads,
        lease=settings.lease,
        bell=bell,
        watch=Counting(beats, place),
    )
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    end_with_parent()
    every(60.0, lambda: sweep(store, settings.retention_days))
    log.info("working", extra={"threads": settings.threads})
    worker.run(grace=settings.grace)
    log.info("stopped")


def sweep(store: Store, retention_days: int | None) -> None:
    """Deletes what is past its retention: once an hour, by one process of all replicas."""
    try:
        if store.once("sweep", SWEEP_S):
            deleted = store.sweep(retention_days)
            if deleted:
                log.info("past retention", extra={"cases": deleted})
    except Exception as error:
        log.error("not swept", exc_info=error)
