"""One replica: a front that acknowledges and workers that answer, each a process of its own, watched and restarted.

Diagnosing takes the processor; were it done in the front's process, its threads would wait for their turn (Python runs one at
a time) and acknowledgements would come late.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from typing import Any

from advisor.errors import AdvisorError
from bots.slack.settings import Settings, SettingsError
from bots.slack.store import Store

log = logging.getLogger(__name__)
HASTY_S = 15.0
MOST_HASTY = 5
"""A process that ends so often within `HASTY_S` of its start will not do better the next time."""
FRONT_STOP_S = 15.0


class _Child:
    """A process that is started again when it ends."""

    def __init__(self, context: Any, name: str, target: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        self._context, self.name, self._target, self._arguments = context, name, target, arguments
        self.hasty = 0
        self.due = 0.0
        self.start()

    def start(self) -> None:
        self.started = time.monotonic()
        self.process = self._context.Process(target=self._target, args=self._arguments, name=self.name)
        self.process.start()

    def tend(self) -> None:
        """Starts it again if it has ended; raises AdvisorError if that is of no use."""
        if self.process.is_alive():
            return
        if not self.due:
            quick = time.monotonic() - self.started < HASTY_S
            self.hasty = self.hasty + 1 if quick else 0
            log.error("a process ended", extra={"name_of_it": self.name, "status": self.process.exitcode})
            if self.hasty >= MOST_HASTY:
                raise AdvisorError(f"{self.name} ends as soon as it has started", hint="The lines above say why.")
            self.due = time.monotonic() + min(2.0**self.hasty - 1, 30.0)
        if time.monotonic() >= self.due:
            self.due = 0.0
            self.start()

    def ask(self) -> None:
        if self.process.is_alive():
            self.process.terminate()

    def end(self, deadline: float) -> None:
        self.process.join(max(deadline - time.monotonic(), 0.0))
        if self.process.is_alive():
            self.process.kill()
            self.process.join(5)


def serve(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT: hears no more, answers what was acknowledged, stops.

    Raises: AdvisorError, for settings that are missing, a database that can't be used, processes that don't stay up.
    """
    from bots.slack import logs

    settings = settings.checked()
    if settings.mode == "http":
        _free(settings.host, settings.port)
    Store.open(settings.database).close()
    logs.set_up()
    with tempfile.TemporaryDirectory(prefix="advisor-slack-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder  # before any process imports prometheus_client
        _serve(settings)


def _serve(settings: Settings) -> None:
    from bots.slack.front import http_front, socket_front
    from bots.slack.work.process import worker_process

    context = multiprocessing.get_context("spawn")
    bell = context.Semaphore(0)
    beats = context.Array("d", 1 + settings.processes, lock=False)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    front_target = http_front if settings.mode == "http" else socket_front
    workers = [
        _Child(context, f"worker-{place}", worker_process, (settings, bell, beats, place))
        for place in range(1, 1 + settings.processes)
    ]
    front = _Child(context, "front", front_target, (settings, bell, beats))
    site = _health_server(settings, beats) if settings.mode == "socket" and settings.health_port else None
    where = {"address": f"http://{settings.host}:{settings.port}"} if settings.mode == "http" else {}
    log.info(
        "serving", extra={"mode": settings.mode, **where, "processes": settings.processes, "threads": settings.threads}
    )
    try:
        while not stop.is_set():
            wait([child.process.sentinel for child in [front, *workers]], timeout=0.5)
            for child in [front, *workers]:
                child.tend()
            stop.wait(0.05)
    finally:
        log.info("stopping")
        front.ask()
        front.end(time.monotonic() + FRONT_STOP_S)
        for child in workers:
            child.ask()
        deadline = time.monotonic() + settings.grace + 10
        for child in workers:
            child.end(deadline)
        if site is not None:
            site.shutdown()
        log.info("stopped")


def _free(host: str, port: int) -> None:
    """Raises SettingsError where the port can't be opened: better now than in a process that is started again and again."""
    try:
        place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        with socket.socket(place[0], place[1]) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(place[4])
    except OSError as error:
        raise SettingsError(
            f"{host}:{port} can't be opened", place="ADVISOR_SLACK_PORT", hint=f"{error.strerror}."
        ) from error


def _health_server(settings: Settings, beats: Any) -> Any:
    """The operator's pages on a port of their own."""
    from socketserver import ThreadingMixIn
    from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

    from bots.slack.web import Health, health_site
    from bots.slack.work.queue import Queue

    class Threaded(ThreadingMixIn, WSGIServer):
        daemon_threads = True

    class Silent(WSGIRequestHandler):
        timeout = 10

        def log_message(self, *parts: Any) -> None:
            """No line for each look."""

    store = Store.open(settings.database, migrate=False, connections=2)
    application: Any = health_site(Health(Queue(store.database), beats))
    try:
        server = make_server(settings.host, settings.health_port, application, Threaded, Silent)
    except OSError as error:
        raise SettingsError(
            f"port {settings.health_port} can't be opened", place="ADVISOR_SLACK_HEALTH_PORT"
        ) from error
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server
