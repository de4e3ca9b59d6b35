"""The process that hears Slack, by HTTP or Socket Mode: it verifies, writes into the queue, acknowledges, and does no other work."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from advisor.errors import AdvisorError
from advisor.library import Library, load_library
from bots.slack.app import build_app
from bots.slack.logs import set_up
from bots.slack.metrics import ENQUEUED
from bots.slack.needs import Enqueue, Needs, QueueFull
from bots.slack.settings import Settings
from bots.slack.store import Store
from bots.slack.store.together import Together
from bots.slack.web import Health, Site
from bots.slack.work.queue import Queue
from bots.slack.workspaces import Workspaces

log = logging.getLogger(__name__)
HTTP_THREADS = 32
SOCKET_THREADS = 16
STOP_S = 10
"""Seconds for requests under way when the front is told to stop; each takes some milliseconds."""


def library_of(settings: Settings) -> Library:
    """The rules and knowledge of this installation: the built-in packs and those of its settings."""
    if not settings.rules and not settings.knowledge:
        from advisor.diagnosis import default_library

        return default_library()
    return load_library(rules=settings.rules, knowledge=settings.knowledge)


def enqueuer(queue: Queue, ring: Callable[[], object]) -> Enqueue:
    """`enqueue` for listeners: puts, counts, and wakes a worker."""

    def enqueue(kind: str, key: str, payload: Mapping[str, Any]) -> bool:
        try:
            new = queue.put(kind, key, payload)
        except QueueFull:
            ENQUEUED.labels(kind, "full").inc()
            log.error("the queue is full", extra={"limit": queue.limit})
            raise
        ENQUEUED.labels(kind, "new" if new else "known").inc()
        if new:
            ring()
        return new

    return enqueue


def http_front(settings: Settings, bell: Any, beats: Any) -> None:
    """Serves HTTP by gunicorn until SIGTERM: then no more is accepted, and requests under way are acknowledged."""
    try:
        base: Any = importlib.import_module("gunicorn.app.base").BaseApplication
    except ImportError:
        raise AdvisorError("gunicorn is not installed", hint="pip install 'vram-advisor[slack]'") from None
    set_up()
    end_with_parent()
    _own_settings_only()

    class Server(base):  # type: ignore[misc]
        def load_config(self) -> None:
            for name, value in gunicorn_settings(settings).items():
                if name in self.cfg.settings:
                    self.cfg.set(name, value)

        def load(self) -> Site:
            """After the fork: connections and threads don't survive one."""
            store = Store.open(settings.database, migrate=False, connections=HTTP_THREADS + 2)
            queue = Queue(store.database, limit=settings.queue_limit, together=Together(store.database))
            marks = Together(
                store.database, relaxed=True
            )  # a signature that is forgotten lets a replay in, to a known key
            workspaces = Workspaces(settings, store)
            workspaces.introduce()

            def first_time(name: str, seconds: float) -> bool:
                return marks(lambda connection: store.once_in(connection, name, seconds))

            needs = Needs(enqueue=enqueuer(queue, bell.release), store=store, library=library_of(settings))
            app = build_app(settings, workspaces, needs)
            every(5.0, lambda: _beat(beats, 0))
            return Site(app, settings.signing_secret, Health(queue, beats), first_time, store.forget_mark)

    Server().run()


def socket_front(settings: Settings, bell: Any, beats: Any) -> None:
    """Hears Slack over a WebSocket until SIGTERM. It beats only while it is connected."""
    from slack_bolt.adapter.socket_mode import SocketModeHandler

    from bots.slack.workspaces import web_client

    set_up()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    _own_settings_only()
    store = Store.open(settings.database, migrate=False, connections=SOCKET_THREADS + 2)
    queue = Queue(store.database, limit=settings.queue_limit, together=Together(store.database))
    workspaces = Workspaces(settings, store)
    workspaces.introduce()
    needs = Needs(enqueue=enqueuer(queue, bell.release), store=store, library=library_of(settings))
    app = build_app(settings, workspaces, needs)
    handler = SocketModeHandler(app, settings.app_token, web_client=web_client(settings), concurrency=SOCKET_THREADS)
    connect(handler, stop)
    while not stop.wait(2.0):
        if handler.client.is_connected():
            _beat(beats, 0)
    handler.close()  # type: ignore[no-untyped-call]


def connect(handler: Any, stop: threading.Event) -> None:
    """Connects, again and again until Slack lets it: after that the client reconnects by itself."""
    pause = 1.0
    while not stop.is_set():
        try:
            handler.connect()
            log.info("connected")
            return
        except Exception as error:
            log.warning("Slack can't be reached", extra={"again_in_s": pause}, exc_info=error)
            stop.wait(pause)
            pause = min(pause * 2, 60.0)


def gunicorn_settings(settings: Settings) -> dict[str, Any]:
    """One process of threads: they wait for the database's disk, and the workers have the other cores."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return {
        "bind": f"{host}:{settings.port}", "workers": 1, "worker_class": "gthread", "threads": HTTP_THREADS,
        "timeout": 60, "graceful_timeout": STOP_S, "keepalive": 15, "backlog": 2048, "proc_name": "advisor-slack",
        "logger_class": "bots.slack.gunicorn_logs.Quiet", "control_socket_disable": True,
        "worker_tmp_dir": "/dev/shm" if os.path.isdir("/dev/shm") else None,  # noqa: S108
        "when_ready": _deaf, "post_worker_init": _deaf,
    }  # fmt: skip


def _own_settings_only() -> None:
    """slack_bolt reads these by itself, beside what it is given."""
    for name in ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "SLACK_SCOPES"):
        os.environ.pop(name, None)


def _deaf(_: Any) -> None:
    """Ctrl-C goes to all processes of a terminal at once: the parent stops them, each in its turn."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def every(seconds: float, do: Callable[[], object]) -> None:
    """Does something now and then, in the background, as long as the process lives."""

    def loop() -> None:
        while True:
            do()
            time.sleep(seconds)

    threading.Thread(target=loop, name="every", daemon=True).start()


def end_with_parent() -> None:
    """SIGTERM for this process as soon as its parent is gone: nobody would restart or stop it any longer."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def _beat(beats: Any, place: int) -> None:
    beats[place] = time.monotonic()
