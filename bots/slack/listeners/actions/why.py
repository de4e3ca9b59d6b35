"""“Why …?”: a view opens at once, since Slack gives three seconds for it, and is filled when the reasons are found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from advisor.render.slack import case_of
from advisor.render.slack.controls import WHY
from bots.slack.forms import waiting
from bots.slack.incoming import origin
from bots.slack.listeners.actions.press import place_of, values_of
from bots.slack.needs import Needs
from bots.slack.words import lang_of

if TYPE_CHECKING:
    from slack_bolt import Ack, App
    from slack_sdk import WebClient


def register(app: App, needs: Needs) -> None:
    @app.action(WHY)
    def action(ack: Ack, body: dict[str, Any], action: dict[str, Any], client: WebClient) -> None:
        why(ack, body, action, client, needs)


def why(ack: Ack, body: Mapping[str, Any], action: Mapping[str, Any], client: WebClient, needs: Needs) -> None:
    """Opens the view and queues its content."""
    case, chosen = case_of(str(action.get("block_id") or "")), values_of(action)
    if case and chosen:
        who = origin(body)
        known = needs.store.case(case)
        # Only the language of a case that one may open is used; the answer itself checks again.
        own = known is not None and known.team == who["team"] and (known.shared or known.user == who["user"])
        lang = lang_of(known.lang if known is not None and own else needs.store.settings(who["team"]).lang)
        opened = client.views_open(trigger_id=body["trigger_id"], view=waiting(lang))
        view: Mapping[str, Any] = opened.get("view") or {}
        payload = {**who, **place_of(body), "case": case, "remedy": chosen[0], "view": str(view.get("id") or "")}
        needs.enqueue("why", str(body["trigger_id"]), payload)
    ack()
