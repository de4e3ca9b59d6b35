"""The WSGI application: a delivery is verified, remembered and answered within milliseconds; what it asks for is done later."""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol
from wsgiref.types import StartResponse, WSGIEnvironment

import re2

from advisor.errors import InputError
from bots.github.app.store import Job, Store
from bots.github.event import MAX_BYTES, Event, event_of, irrelevant

log = logging.getLogger("advisor.github.app")

_DELIVERY = re2.compile(r"^[A-Za-z0-9-]{1,80}$")
_STATUS = {
    200: "200 OK", 202: "202 Accepted", 400: "400 Bad Request", 401: "401 Unauthorized", 404: "404 Not Found",
    405: "405 Method Not Allowed", 411: "411 Length Required", 413: "413 Content Too Large", 415: "415 Unsupported Media Type",
    503: "503 Service Unavailable",
}  # fmt: skip


class Pool(Protocol):
    """What the application needs of the workers."""

    @property
    def alive(self) -> bool: ...
    @property
    def stopping(self) -> bool: ...
    def wake(self, delivery: str, event: Event) -> None: ...


class Webhook:
    """Answers GitHub's deliveries and the questions of whoever runs it.

    Args:
        secrets: any of which may have signed a delivery: two while a secret is being changed.
        login: who we are on GitHub; our own doings are not answered.
        clock: the time in seconds; deliveries about changes older than the store's TTL are not taken.
    """

    def __init__(
        self, secrets: Sequence[str], store: Store, pool: Pool, *, login: str, clock: Callable[[], float] = time.time
    ) -> None:
        if not secrets or not all(secrets):
            raise InputError("there is no webhook secret", hint="Set ADVISOR_GITHUB_WEBHOOK_SECRET.")
        self._secrets = tuple(secrets)
        self._store = store
        self._pool = pool
        self._login = login
        self._clock = clock

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path, method = str(environ.get("PATH_INFO", "")), str(environ.get("REQUEST_METHOD", ""))
        if path == "/webhook":
            status, answer = self._deliver(environ) if method == "POST" else (405, {"error": "send it by POST"})
        elif path in ("/healthz", "/readyz"):
            status, answer = self._health(path) if method in ("GET", "HEAD") else (405, {"error": "ask by GET"})
        else:
            status, answer = 404, {"error": "there are /webhook, /healthz and /readyz"}
        data = json.dumps(answer).encode()
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(data))),
            ("Cache-Control", "no-store"),
        ]
        start_response(_STATUS[status], headers)
        return [] if method == "HEAD" else [data]

    def _health(self, path: str) -> tuple[int, dict[str, Any]]:
        """`/healthz`: the process answers; `/readyz`: it can take deliveries."""
        if path == "/healthz":
            return 200, {"status": "alive"}
        try:
            self._store.check()
            counts = self._store.counts()
        except sqlite3.Error as error:
            return 503, {"status": "not ready", "why": f"database: {error}"}
        if self._pool.stopping or not self._pool.alive:
            return 503, {
                "status": "not ready",
                "why": "stopping" if self._pool.stopping else "no worker is alive",
                "jobs": counts,
            }
        return 200, {"status": "ready", "jobs": counts}

    def _deliver(self, environ: WSGIEnvironment) -> tuple[int, dict[str, Any]]:
        try:
            length = int(environ.get("CONTENT_LENGTH") or "")
        except ValueError:
            return 411, {"error": "Content-Length is missing"}
        if not 0 < length <= MAX_BYTES:
            return 413, {"error": f"1 to {MAX_BYTES} bytes"}
        body = environ["wsgi.input"].read(length)
        if len(body) != length:
            return 400, {"error": "the body is shorter than announced"}
        if not self._signed(body, str(environ.get("HTTP_X_HUB_SIGNATURE_256", ""))):
            log.warning("refused", extra={"why": "signature"})
            return 401, {"error": "the signature is missing or wrong"}
        if str(environ.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower() != "application/json":
            return 415, {"error": "choose the content type application/json for the webhook"}
        delivery = str(environ.get("HTTP_X_GITHUB_DELIVERY", ""))
        if not _DELIVERY.match(delivery):
            return 400, {"error": "X-GitHub-Delivery is missing"}
        try:
            payload = json.loads(body)
        except (ValueError, RecursionError):
            return 400, {"error": "not JSON"}
        if not isinstance(payload, dict):
            return 400, {"error": "not a JSON object"}
        return self._accept(str(environ.get("HTTP_X_GITHUB_EVENT", "")), delivery, payload, body)

    def _signed(self, body: bytes, signature: str) -> bool:
        from gidgethub import ValidationFailure, sansio

        if not signature.startswith("sha256=") or not signature.isascii():
            return False
        for secret in self._secrets:
            try:
                sansio.validate_event(body, signature=signature, secret=secret)
            except ValidationFailure:
                continue
            return True
        return False

    def _accept(self, name: str, delivery: str, payload: dict[str, Any], body: bytes) -> tuple[int, dict[str, Any]]:
        if name == "ping":
            return 200, {"status": "pong"}
        event, job, why = None, None, "no event of an issue"
        if name in ("issues", "issue_comment"):
            try:
                event = event_of(payload)
            except InputError as error:
                return 400, {"error": error.message}
            why = irrelevant(event, own_login=self._login)
            if event is not None and not why:
                why = self._stale(event)
            if event is not None and not why and not event.installation:
                why = "it names no installation of the app"
            if event is not None and not why:
                job = Job(
                    0, delivery, event.installation, event.repository, event.issue.number, event.action, event.commanded, event.again
                )  # fmt: skip
        if self._pool.stopping:
            return 503, {"error": "stopping; redeliver later"}
        try:
            status = self._store.receive(delivery, body, job)
        except sqlite3.Error as error:
            log.error("database", extra={"why": str(error)})
            return 503, {"error": "the database can't be written"}
        log.info("received", extra={"delivery": delivery, "hook": name, "status": status, "why": why})
        if status == "full":
            return 503, {"error": "too many jobs wait; redeliver later"}
        if status == "queued" and event is not None:
            self._pool.wake(delivery, event)
        return 202, {"status": status} | ({"why": why} if why else {})

    def _stale(self, event: Event) -> str:
        """A delivery about a change older than the memory for deliveries may be a replay of one that was forgotten."""
        if event.updated_at is None:
            return ""
        return "the change is too old" if self._clock() - event.updated_at.timestamp() > self._store.ttl else ""
