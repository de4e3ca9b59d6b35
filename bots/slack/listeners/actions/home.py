"""The home tab's button: the question form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bots.slack.listeners.shortcuts.form import open_form
from bots.slack.needs import Needs
from bots.slack.pages import OPEN_FORM

if TYPE_CHECKING:
    from slack_bolt import Ack, App
    from slack_sdk import WebClient


def register(app: App, needs: Needs) -> None:
    @app.action(OPEN_FORM)
    def action(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
        open_form(ack, body, client, needs)
