"""A mention: what the message says, the thread above it where that may be read, and the files of both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bots.slack.incoming import MARKED_S, asked_mark, file_key, files_of, origin, plain_text, request
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
    keys = [file_key(str(each.get("id") or ""), channel) for each in files]
    # The mention answers for its files: `file_shared` of the same upload finds its key taken, or, where it came first, a mark.
    behind = [key for key in keys if not needs.enqueue("seen", key, origin(body))]
    for key in behind:
        needs.store.once(asked_mark(key), MARKED_S)
    text = plain_text(str(event.get("text") or ""))
    payload = request(
        needs,
        [text],
        **origin(body),
        channel=channel,
        thread_ts=str(event.get("thread_ts") or event.get("ts") or ""),
        message_ts=str(event.get("ts") or ""),
        in_thread=bool(event.get("thread_ts")),
        files=files,
        where="thread",
        asked=True,
        behind=behind if not text.strip() and len(behind) == len(files) and not event.get("thread_ts") else [],
    )
    needs.enqueue("diagnose", str(body["event_id"]), payload)
