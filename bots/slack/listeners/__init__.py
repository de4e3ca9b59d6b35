"""What Slack calls: one folder a kind, one file a listener. Each acknowledges, puts work into the queue, and answers nothing itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bots.slack.needs import Needs

if TYPE_CHECKING:
    from slack_bolt import App


def register(app: App, needs: Needs) -> None:
    """Registers every listener of the folders beside this file."""
    from bots.slack.listeners import actions, commands, events, shortcuts, views

    for folder in (commands, shortcuts, actions, events, views):
        folder.register(app, needs)
