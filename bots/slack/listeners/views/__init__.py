"""What is submitted in modals, and the names that their lists offer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bots.slack.listeners.views import facts, forget, form, options, settings
from bots.slack.needs import Needs

if TYPE_CHECKING:
    from slack_bolt import App


def register(app: App, needs: Needs) -> None:
    for each in (form, facts, settings, forget, options):
        each.register(app, needs)
