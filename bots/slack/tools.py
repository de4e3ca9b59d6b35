"""What a handler gets: the workspace's client, the store, the library, and posts that are journalled so that none is doubled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from advisor.library import Library
from bots.slack.store import Store

if TYPE_CHECKING:
    from slack_sdk import WebClient


class Tools(Protocol):
    """The hands of one job. All of it may be called from the one thread that runs the handler."""

    @property
    def store(self) -> Store:
        """Cases, feedback, settings."""

    @property
    def library(self) -> Library:
        """The rules and the knowledge."""

    @property
    def token(self) -> str:
        """An unguessable word that stays the same when this job is run again: the id for the case that it makes."""

    @property
    def files_hosts(self) -> tuple[str, ...]:
        """Further hosts (host or host:port, any scheme) that files may be read from; empty outside of tests."""

    def client(self, team: str, enterprise: str = "") -> WebClient:
        """Slack's API with the workspace's bot token. For what may be repeated: reading, `chat.update`, `views.*`.

        A rate limit, a 5xx or a lost connection raises; let it through: the queue runs the job again at the right time.
        """

    def respond(self, response_url: str, body: Mapping[str, Any], step: str = "answer", lang: str = "en") -> None:
        """Posts to a response_url, once per `step` of this job however often the job is run.

        Raises: Again (let it through), or AdvisorError where Slack refuses it for good (expired, invalid blocks).
        """

    def post(
        self,
        team: str,
        body: Mapping[str, Any],
        step: str = "answer",
        *,
        enterprise: str = "",
        method: str = "chat.postMessage",
    ) -> str:
        """Posts `body` (channel, text, blocks, thread_ts, ...) with `chat.postMessage` or `chat.postEphemeral`, once per `step`.

        Returns: the message's ts, the same when the job is run again; empty where Slack could not be asked for it.
        Raises: as `respond`; `SlackRefused.code` holds Slack's error word.
        """

    def once(self, step: str) -> bool:
        """True the first time this job comes here, however often it is run: for what must rather be lost than doubled."""


Handler = Callable[[Mapping[str, Any], Tools], None]
"""Answers one request: (payload, tools). Raising AdvisorError tells the user its message and ends the job; any error of
the network or of Slack's API runs the job again later."""
