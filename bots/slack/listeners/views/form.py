"""The question form: description, log, files, and facts that override what the text says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bots.slack.forms import FORM, stated_of, value_of
from bots.slack.incoming import files_of, origin, request
from bots.slack.needs import Needs, QueueFull
from bots.slack.words import lang_of, say

if TYPE_CHECKING:
    from slack_bolt import Ack, App


def register(app: App, needs: Needs) -> None:
    @app.view(FORM)
    def view_submission(ack: Ack, body: dict[str, Any], view: dict[str, Any]) -> None:
        submitted(ack, body, view, needs)


def submitted(ack: Ack, body: Mapping[str, Any], view: Mapping[str, Any], needs: Needs) -> None:
    """Queues the question; an empty form is sent back with what is missing."""
    state: Mapping[str, Any] = (view.get("state") or {}).get("values") or {}
    place: dict[str, Any] = json.loads(view.get("private_metadata") or "{}")
    texts = [str(value_of(state, block) or "") for block in ("description", "log", "more")]
    files = files_of({"files": value_of(state, "files") or []})
    stated = stated_of(state)
    lang = lang_of(place.pop("lang", "en"))
    if not any(text.strip() for text in texts) and not files and not stated:
        ack(response_action="errors", errors={"description": say("form.empty", lang)})
        return
    where = "private" if place.get("response_url") else "direct"
    asked = {"files": files, "stated": stated, "where": where, "lang": str(value_of(state, "lang") or "auto")}
    payload = request(needs, texts, **origin(body), **place, **asked, asked=True)
    try:
        needs.enqueue("diagnose", f"view:{view['id']}", payload)
    except QueueFull:
        ack(response_action="errors", errors={"description": say("busy", lang)})
        return
    ack()
