"""What is pressed under an answer or in the home tab."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bots.slack.listeners.actions import facts, home, press, why
from bots.slack.needs import Needs

if TYPE_CHECKING:
    from slack_bolt import App


def register(app: App, needs: Needs) -> None:
    for each in (press, why, facts, home):
        each.register(app, needs)
