"""A direct message to the bot: everything in it is a question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bots.slack.incoming import files_of, origin, plain_text, request
from bots.slack.needs import Needs

if TYPE_CHECKING:
    from slack_bolt import App

_OF_PEOPLE = (None, "", "file_share", "thread_broadcast")


def register(app: App, needs: Needs) -> None:
    @app.event("message")
    def message(body: dict[str, Any], event: dict[str, Any]) -> None:
        direct(body, event, needs)


def direct(body: Mapping[str, Any], event: Mapping[str, Any], needs: Needs) -> None:
    """Queues what a person wrote; edits, deletions, and messages of bots are no questions, other channels are not read."""
    if event.get("channel_type") != "im" or event.get("subtype") not in _OF_PEOPLE or event.get("bot_id"):
        return
    text, files = plain_text(str(event.get("text") or "")), files_of(event)
    if not text.strip() and not files:
        return
    payload = request(
        needs,
        [text],
        **origin(body),
        channel=str(event.get("channel") or ""),
        thread_ts=str(event.get("thread_ts") or ""),
        message_ts=str(event.get("ts") or ""),
        files=files,
        where="direct",
        asked=True,
    )
    needs.enqueue("diagnose", str(body["event_id"]), payload)
