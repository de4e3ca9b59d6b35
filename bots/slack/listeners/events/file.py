"""A file uploaded where the bot is a member: read quietly, answered only if it shows that GPU memory ran out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bots.slack.incoming import file_key, origin
from bots.slack.needs import Needs

if TYPE_CHECKING:
    from slack_bolt import App, BoltContext


def register(app: App, needs: Needs) -> None:
    @app.event("file_shared")
    def file_shared(body: dict[str, Any], event: dict[str, Any], context: BoltContext) -> None:
        shared(body, event, str(context.bot_user_id or ""), needs)


def shared(body: Mapping[str, Any], event: Mapping[str, Any], own: str, needs: Needs) -> None:
    """Queues the file unless it is the bot's own, lies in a direct message (that is a question anyway), or nobody wants it."""
    channel, user = str(event.get("channel_id") or ""), str(event.get("user_id") or "")
    file = str(event.get("file_id") or (event.get("file") or {}).get("id") or "")
    if not file or not channel or channel.startswith("D") or (own and user == own):
        return
    who = origin(body)
    settings = needs.store.settings(who["team"])
    if settings.react == "off":
        return
    wished = {"lang": settings.lang, "gpu": settings.gpu, "emails": settings.emails}
    payload = {**who, **wished, "user": user, "channel": channel, "file": file, "own": own}
    needs.enqueue("file", file_key(file, channel), payload)
