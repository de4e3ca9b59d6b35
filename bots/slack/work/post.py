"""One HTTP request whose last byte is sent at a moment that the caller chooses; to Slack's hosts only."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from bots.slack.work.errors import Again, SlackRefused

CONNECT_S = 10.0
ANSWER_S = 30.0
"""Slack answers within a second or so; a request that it still works on must not be taken for lost."""
ANSWER_LIMIT = 1_000_000
SLACK_DOMAINS = ("slack.com", "slack-gov.com")


class Reply(Struct, frozen=True):
    """What Slack answered; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    text: str

    def json(self) -> dict[str, Any]:
        """The body as an object; empty where it is none."""
        try:
            data = json.loads(self.text)
        except ValueError:
            return {}
        return data if isinstance(data, dict) else {}

    @property
    def retry_after(self) -> float:
        """Seconds to wait after a 429; at least one, at most ten minutes, whatever the header says."""
        try:
            return min(max(float(self.headers.get("retry-after", "")), 1.0), 600.0)
        except ValueError:
            return 30.0


class NoAnswer(Exception):
    """The whole request left, and no answer came."""


def allowed(url: str, hosts: tuple[str, ...] = ()) -> bool:
    """Whether a URL leads to Slack: https to its domains, or any scheme to one of `hosts` ("host" or "host:port").

    >>> allowed("https://hooks.slack.com/commands/1"), allowed("https://slack.com.example.org/"), allowed("http://169.254.169.254/")
    (True, False, False)
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if "@" in parts.netloc or parts.scheme not in {"http", "https"} or not host:
        return False
    if host in hosts or parts.netloc.lower() in hosts:
        return True
    return parts.scheme == "https" and any(host == name or host.endswith("." + name) for name in SLACK_DOMAINS)


def post(
    url: str,
    body: Mapping[str, Any],
    leaving: AbstractContextManager[None],
    *,
    token: str = "",
    hosts: tuple[str, ...] = (),
) -> Reply:
    """Posts JSON; the last byte is sent inside of `leaving`.

    A fresh connection each time: on a kept one, that the other side has closed meanwhile is seen only after the last byte.

    Raises:
        SlackRefused: the URL is not Slack's.
        Again: it could not be sent; nothing has been posted.
        NoAnswer: it was sent, and no answer came; perhaps it has been posted.
    """
    if not allowed(url, hosts):
        raise SlackRefused("not_slack", "a response_url")
    data = json.dumps(body).encode()
    parts = urlsplit(url)
    connection = _connection(parts.scheme, parts.hostname or "", parts.port)
    try:
        try:
            connection.putrequest("POST", parts.path + (f"?{parts.query}" if parts.query else ""))
            connection.putheader("Content-Type", "application/json; charset=utf-8")
            connection.putheader("Content-Length", str(len(data)))
            if token:
                connection.putheader("Authorization", f"Bearer {token}")
            connection.endheaders(data[:-1])
            with leaving:
                connection.send(data[-1:])
        except (OSError, http.client.HTTPException) as error:
            raise Again("network") from error
        try:
            connection.sock.settimeout(ANSWER_S)
            answer = connection.getresponse()
            text = answer.read(ANSWER_LIMIT).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer from error
        return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, text)
    finally:
        connection.close()


def _connection(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
    proxy = os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy") or ""
    if scheme == "https" and proxy:
        through = urlsplit(proxy)
        connection = kind(through.hostname or "", through.port or 3128, timeout=CONNECT_S)
        connection.set_tunnel(host, port or 443)
        return connection
    return kind(host, port, timeout=CONNECT_S)
