"""What happens in the workspace: mentions, direct messages, files, the home tab."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bots.slack.listeners.events import direct, file, home, mention
from bots.slack.needs import Needs

if TYPE_CHECKING:
    from slack_bolt import App


def register(app: App, needs: Needs) -> None:
    for each in (mention, direct, file, home):
        each.register(app, needs)
