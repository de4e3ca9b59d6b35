"""The HTTP side: signed requests of Slack, pages of the installation, health, readiness, metrics.

A request that is not Slack's (wrong signature, older than five minutes, or seen before) gets 401 here, before anything reads
its body or works for it.
"""

from __future__ import annotations

import binascii
import json
import logging
import time
from collections.abc import Callable, Iterable
from hashlib import sha256
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

import sqlalchemy as sa
from msgspec import Struct
from slack_bolt import App, BoltRequest
from slack_bolt.adapter.wsgi import SlackRequestHandler
from slack_sdk.signature import SignatureVerifier

from bots.slack.app import INSTALL_PATH, REDIRECT_PATH
from bots.slack.metrics import ACKS, CONTENT_TYPE, REQUESTS, page
from bots.slack.work.queue import Queue

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

log = logging.getLogger(__name__)
EVENTS_PATH = "/slack/events"
BODY_LIMIT = 1_000_000
"""Bytes; the largest that Slack sends, a modal of many fields or a message of 40,000 characters, are a third of that."""
REPLAY_S = 600.0
"""How long a signature is remembered: longer than the five minutes for which its timestamp is accepted."""
ALIVE_S = 60.0
"""A process that has not been heard of for so long counts as dead."""


class Health(Struct, frozen=True):
    """What the health pages look at: the queue, and when each process of the replica was last heard of (monotonic seconds)."""

    queue: Queue
    beats: Any = ()

    def ready(self) -> tuple[bool, dict[str, Any]]:
        """Whether this replica can take and answer requests, and why not."""
        try:
            self.queue.last()
            database = "ok"
        except sa.exc.SQLAlchemyError:
            database = "unreachable"
        now = time.monotonic()
        alive = [beat > 0 and now - beat < ALIVE_S for beat in self.beats]
        front, workers = (alive[0], alive[1:]) if alive else (True, [True])
        state = {"database": database, "front": "ok" if front else "not connected", "workers": sum(workers)}
        return database == "ok" and front and any(workers), state

    def answer(self, path: str) -> tuple[str, str, bytes] | None:
        """Status line, type and body of a page, or None where it is none of these."""
        if path == "/healthz":
            return "200 OK", "application/json", b'{"alive": true}'
        if path == "/readyz":
            ready, state = self.ready()
            return ("200 OK" if ready else "503 Service Unavailable"), "application/json", json.dumps(state).encode()
        if path == "/metrics":
            try:
                return "200 OK", CONTENT_TYPE, page(self.queue)
            except sa.exc.SQLAlchemyError:
                return "503 Service Unavailable", "text/plain", b"the database is unreachable\n"
        return None


class Site:
    """The WSGI application.

    Args:
        app: the bolt app.
        signing_secret: Slack's, for the signatures.
        health: the pages for the operator.
        first_time: (name, seconds) -> whether nobody has seen the name within that time, on any replica.
        forget: takes back what `first_time` remembered, for a request that failed and may come again as it is.
    """

    def __init__(
        self,
        app: App,
        signing_secret: str,
        health: Health,
        first_time: Callable[[str, float], bool],
        forget: Callable[[str], None],
    ) -> None:
        self._app = app
        self._pages = SlackRequestHandler(app)
        self._verifier = SignatureVerifier(signing_secret)
        self._health, self._first_time, self._forget = health, first_time, forget

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """One request."""
        path, method = environ.get("PATH_INFO", ""), environ.get("REQUEST_METHOD", "GET")
        if method in {"GET", "HEAD"}:
            shown = self._health.answer(path)
            if shown is not None:
                status, kind, body = shown
                return _plain(start_response, status, body if method == "GET" else b"", kind)
            if path in {INSTALL_PATH, REDIRECT_PATH}:
                return self._pages(environ, start_response)
        if path != EVENTS_PATH:
            return _plain(start_response, "404 Not Found", b"not found\n")
        if method != "POST":
            return _plain(start_response, "405 Method Not Allowed", b"POST\n")
        started = time.monotonic()
        seen: list[str] = []

        def counted(status: str, *rest: Any) -> Any:
            seen.append(status[:3])
            return start_response(status, *rest)

        try:
            return self._event(environ, counted)
        except Exception as error:  # a database that is down, above all: Slack tells the user, and repeats events
            log.error("not acknowledged", exc_info=error)
            return _plain(counted, "503 Service Unavailable", b"try again\n")
        finally:
            ACKS.observe(time.monotonic() - started)
            REQUESTS.labels(seen[-1] if seen else "500").inc()

    def _event(self, environ: WSGIEnvironment, start_response: Any) -> Iterable[bytes]:
        try:
            length = int(environ.get("CONTENT_LENGTH") or 0)
        except ValueError:
            length = -1
        if not 0 <= length <= BODY_LIMIT:
            return _plain(start_response, "413 Content Too Large", b"too large\n")
        body = environ["wsgi.input"].read(length)
        stamp = environ.get("HTTP_X_SLACK_REQUEST_TIMESTAMP", "")
        signature = environ.get("HTTP_X_SLACK_SIGNATURE", "")
        if not self._signed(body, stamp, signature):
            log.warning("refused", extra={"reason": "signature"})
            return _plain(start_response, "401 Unauthorized", b"not signed by Slack\n")
        name = "signature:" + sha256(signature.encode()).hexdigest()
        if not self._first_time(name, REPLAY_S):
            log.warning("refused", extra={"reason": "replay"})
            return _plain(start_response, "401 Unauthorized", b"seen before\n")
        answered = False
        try:
            answer = self._app.dispatch(_bolt_request(body, environ))
            answered = answer.status < 500
        finally:
            if not answered:
                self._forget(name)
        headers = [
            (key, value) for key, values in answer.headers.items() for value in values if key != "content-length"
        ]
        data = (answer.body or "").encode()
        start_response(
            f"{answer.status} {HTTPStatus(answer.status).phrase}", [*headers, ("Content-Length", str(len(data)))]
        )
        return [data]

    def _signed(self, body: bytes, stamp: str, signature: str) -> bool:
        if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12 or not signature.isascii():
            return False
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError:
            return False
        return self._verifier.is_valid(body=text, timestamp=stamp, signature=signature)


def form(body: bytes) -> dict[str, str]:
    """The fields of a urlencoded body; the last of a name counts. Raises UnicodeDecodeError.

    A log of 30 KB is mostly percent signs, on which urllib takes 4 ms: as quoted-printable, C decodes it in 0.1 ms.

    >>> form(b"command=%2Fvram&text=3+%3D%3D+3%0A")
    {'command': '/vram', 'text': '3 == 3\\n'}
    """
    fields = {}
    for pair in body.split(b"&"):
        name, _, value = pair.partition(b"=")
        fields[unquote_plus(name.decode())] = _unquoted(value)
    return fields


def _unquoted(value: bytes) -> str:
    if b"\n" in value or b"\r" in value:  # no form has these; quoted-printable gives them a meaning
        return unquote_plus(value.decode())
    printable = value.replace(b"=", b"%3D").replace(b"+", b" ").replace(b"%", b"=")
    return binascii.a2b_qp(printable).decode()


def _bolt_request(body: bytes, environ: WSGIEnvironment) -> BoltRequest:
    """The request for slack_bolt, read already, as in Socket Mode: its own reader takes a command whose text has the word
    "payload" for a form without one, and reads every body three times.
    """
    if body[:1] == b"{":
        content = json.loads(body)
    else:
        content = form(body)
        if "payload" in content:
            content = json.loads(content["payload"])
    retries = {
        name: environ[key]
        for name, key in (
            ("x-slack-retry-num", "HTTP_X_SLACK_RETRY_NUM"),
            ("x-slack-retry-reason", "HTTP_X_SLACK_RETRY_REASON"),
        )
        if key in environ
    }
    return BoltRequest(body=content, headers=retries, mode="socket_mode")


def health_site(health: Health) -> Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]:
    """The operator's pages alone, for Socket Mode, where nothing else listens."""

    def site(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        status, kind, body = health.answer(environ.get("PATH_INFO", "")) or (
            "404 Not Found",
            "text/plain",
            b"not found\n",
        )
        return _plain(start_response, status, body, kind)

    return site


def _plain(start_response: Any, status: str, body: bytes, kind: str = "text/plain; charset=utf-8") -> Iterable[bytes]:
    start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")])
    return [body]
