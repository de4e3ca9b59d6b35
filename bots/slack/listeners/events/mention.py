"""A mention: what the message says, the thread above it where that may be read, and the files of both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bots.slack.incoming import files_of, origin, plain_text, request
from bots.slack.needs import Needs

if TYPE_CHECKING:
    from slack_bolt import App


def register(app: App, needs: Needs) -> None:
    @app.event("app_mention")
    def app_mention(body: dict[str, Any], event: dict[str, Any]) -> None:
        mention(body, event, needs)


def mention(body: Mapping[str, Any], event: Mapping[str, Any], needs: Needs) -> None:
    """Queues the mention, once for each event however often Slack delivers it."""
    if event.get("bot_id") or event.get("edited"):
        return
    files = files_of(event)
    channel = str(event.get("channel") or "")
    for each in files:  # the mention answers for its files; `file_shared` of the same upload finds its key taken
        needs.enqueue("seen", file_key(str(each.get("id") or ""), channel), origin(body))
    payload = request(
        needs,
        [plain_text(str(event.get("text") or ""))],
        **origin(body),
        channel=channel,
        thread_ts=str(event.get("thread_ts") or event.get("ts") or ""),
        message_ts=str(event.get("ts") or ""),
        in_thread=bool(event.get("thread_ts")),
        files=files,
        where="thread",
        asked=True,
    )
    needs.enqueue("diagnose", str(body["event_id"]), payload)


def file_key(file: str, channel: str) -> str:
    """The key of an uploaded file in a channel: it is answered once."""
    return f"file:{channel}:{file}"
