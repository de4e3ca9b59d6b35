"""The workspace's settings, as they were submitted; whether the person may change them is asked when they are stored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bots.slack.forms import SETTINGS, settings_of
from bots.slack.incoming import origin
from bots.slack.needs import Needs
from bots.slack.words import lang_of

if TYPE_CHECKING:
    from slack_bolt import Ack, App


def register(app: App, needs: Needs) -> None:
    @app.view(SETTINGS)
    def view_submission(ack: Ack, body: dict[str, Any], view: dict[str, Any]) -> None:
        submitted(ack, body, view, needs)


def submitted(ack: Ack, body: Mapping[str, Any], view: Mapping[str, Any], needs: Needs) -> None:
    """Queues the new settings."""
    state: Mapping[str, Any] = (view.get("state") or {}).get("values") or {}
    lang = lang_of(json.loads(view.get("private_metadata") or "{}").get("lang", "en"))
    wished, errors = settings_of(state, lang)
    if errors:
        ack(response_action="errors", errors=errors)
        return
    needs.enqueue("settings", f"view:{view['id']}", {**origin(body), "settings": wished, "lang": lang})
    ack()
