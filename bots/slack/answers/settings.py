"""The workspace's settings: stored for its admins only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bots.slack.answers.deliver import tell
from bots.slack.tools import Tools
from bots.slack.words import lang_of, say


def is_admin(payload: Mapping[str, Any], tools: Tools) -> bool:
    """Whether the person is an admin or owner of the workspace, as Slack says now."""
    client = tools.client(str(payload["team"]), str(payload.get("enterprise") or ""))
    user: Mapping[str, Any] = client.users_info(user=str(payload["user"])).get("user") or {}
    return bool(user.get("is_admin") or user.get("is_owner"))


def save(payload: Mapping[str, Any], tools: Tools) -> None:
    """Stores the settings if the person is an admin or owner of the workspace, and says so in their direct messages."""
    lang = lang_of(str(payload.get("lang")))
    if not is_admin(payload, tools):
        tell(tools, payload, say("settings.admins", lang))
        return
    tools.store.change_settings(str(payload["team"]), **payload["settings"])
    tell(tools, payload, say("settings.saved", lang))
