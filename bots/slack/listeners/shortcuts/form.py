"""The global shortcut "Diagnose a log": the question form, from anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bots.slack.forms import question_form
from bots.slack.incoming import origin
from bots.slack.needs import Needs
from bots.slack.words import lang_of

if TYPE_CHECKING:
    from slack_bolt import Ack, App
    from slack_sdk import WebClient

CALLBACK = "vram_open"


def register(app: App, needs: Needs) -> None:
    @app.global_shortcut(CALLBACK)
    def global_shortcut(ack: Ack, shortcut: dict[str, Any], client: WebClient) -> None:
        open_form(ack, shortcut, client, needs)


def open_form(ack: Ack, body: Mapping[str, Any], client: WebClient, needs: Needs) -> None:
    """Opens the form in the workspace's language; its answer comes as a direct message."""
    lang = lang_of(needs.store.settings(origin(body)["team"]).lang)
    client.views_open(trigger_id=body["trigger_id"], view=question_form(lang, {}))
    ack()
