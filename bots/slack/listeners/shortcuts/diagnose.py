"""The message shortcut "Diagnose this OOM": text and files come with it, so it needs no permission to read the channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bots.slack.incoming import files_of, origin, plain_text, request
from bots.slack.needs import Needs, QueueFull

if TYPE_CHECKING:
    from slack_bolt import Ack, App, Respond

CALLBACK = "diagnose_message"


def register(app: App, needs: Needs) -> None:
    @app.message_shortcut(CALLBACK)
    def message_shortcut(ack: Ack, shortcut: dict[str, Any], respond: Respond) -> None:
        diagnose(ack, shortcut, respond, needs)


def diagnose(ack: Ack, shortcut: Mapping[str, Any], respond: Respond, needs: Needs) -> None:
    """Queues the message with its files; the answer goes into its thread."""
    from bots.slack.pages import sentence
    from bots.slack.words import lang_of, say

    message: Mapping[str, Any] = shortcut.get("message") or {}
    channel: Mapping[str, Any] = shortcut.get("channel") or {}
    payload = request(
        needs,
        [plain_text(str(message.get("text") or ""))],
        **origin(shortcut),
        channel=str(channel.get("id") or ""),
        thread_ts=str(message.get("thread_ts") or message.get("ts") or shortcut.get("message_ts") or ""),
        response_url=str(shortcut.get("response_url") or ""),
        files=files_of(message),
        where="thread",
    )
    try:
        needs.enqueue("diagnose", str(shortcut["trigger_id"]), payload)
    except QueueFull:
        body = sentence(say("busy", lang_of(str(payload["lang"])))).body()
        respond(text=body["text"], blocks=body["blocks"], response_type="ephemeral", replace_original=False)
    ack()
