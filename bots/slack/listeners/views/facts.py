"""The answers to an answer's questions: checked as facts, then everything is estimated again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bots.slack.forms import QUESTIONS, answered
from bots.slack.incoming import origin
from bots.slack.needs import Needs
from bots.slack.words import lang_of

if TYPE_CHECKING:
    from slack_bolt import Ack, App


def register(app: App, needs: Needs) -> None:
    @app.view(QUESTIONS)
    def view_submission(ack: Ack, body: dict[str, Any], view: dict[str, Any]) -> None:
        submitted(ack, body, view, needs)


def submitted(ack: Ack, body: Mapping[str, Any], view: Mapping[str, Any], needs: Needs) -> None:
    """Queues the stated facts; a value that can't be that fact's is sent back with the reason under it."""
    state: Mapping[str, Any] = (view.get("state") or {}).get("values") or {}
    place: dict[str, Any] = json.loads(view.get("private_metadata") or "{}")
    stated, errors = answered(state, place.pop("facts", []), lang_of(place.pop("lang", "en")))
    if errors:
        ack(response_action="errors", errors=errors)
        return
    if stated:
        payload = {**origin(body), **place, "what": "facts", "stated": stated, "values": []}
        needs.enqueue("press", f"view:{view['id']}", payload)
    ack()
