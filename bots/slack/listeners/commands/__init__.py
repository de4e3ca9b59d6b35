"""Slash commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bots.slack.listeners.commands import vram
from bots.slack.needs import Needs

if TYPE_CHECKING:
    from slack_bolt import App


def register(app: App, needs: Needs) -> None:
    vram.register(app, needs)
