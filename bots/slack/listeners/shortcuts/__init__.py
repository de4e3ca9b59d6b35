"""Shortcuts: of a message and of the workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bots.slack.listeners.shortcuts import diagnose, form
from bots.slack.needs import Needs

if TYPE_CHECKING:
    from slack_bolt import App


def register(app: App, needs: Needs) -> None:
    diagnose.register(app, needs)
    form.register(app, needs)
