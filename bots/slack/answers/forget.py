"""`/vram forget`: everything that is kept of a person, or by an admin's wish of the workspace, is deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bots.slack.answers.deliver import tell
from bots.slack.answers.settings import is_admin
from bots.slack.tools import Tools
from bots.slack.words import lang_of, say


def forget(payload: Mapping[str, Any], tools: Tools) -> None:
    """Deletes the person's questions in this workspace, with answers' state, feedback and waiting requests, and says how many."""
    count = tools.store.forget_user(str(payload["team"]), str(payload["user"]), keep=tools.token)
    tell(tools, payload, say("forget.done", lang_of(str(payload.get("lang"))), count=count))


def forget_team(payload: Mapping[str, Any], tools: Tools) -> None:
    """Deletes all of the workspace if the person is an admin or owner of it, and says how many questions there were."""
    lang = lang_of(str(payload.get("lang")))
    if not is_admin(payload, tools):
        tell(tools, payload, say("forget.admins", lang))
        return
    count = tools.store.forget_team(str(payload["team"]), keep=tools.token)
    tell(tools, payload, say("forget.team", lang, count=count))
