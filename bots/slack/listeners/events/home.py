"""The home tab: how to ask, and a button that opens the form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bots.slack.incoming import origin
from bots.slack.needs import Needs
from bots.slack.pages import home_view
from bots.slack.words import lang_of

if TYPE_CHECKING:
    from slack_bolt import App
    from slack_sdk import WebClient


def register(app: App, needs: Needs) -> None:
    @app.event("app_home_opened")
    def app_home_opened(body: dict[str, Any], event: dict[str, Any], client: WebClient) -> None:
        opened(body, event, client, needs)


def opened(body: Mapping[str, Any], event: Mapping[str, Any], client: WebClient, needs: Needs) -> None:
    """Publishes the tab in the workspace's language; publishing again shows the same."""
    if event.get("tab") == "home":
        lang = lang_of(needs.store.settings(origin(body)["team"]).lang)
        client.views_publish(user_id=str(event["user"]), view=home_view(lang))
