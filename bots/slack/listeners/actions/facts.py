"""“Answer the questions”: one input for each fact that would make the answer surer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from advisor.render.slack import case_of
from advisor.render.slack.controls import ANSWER
from advisor.vocabulary import VOCABULARY
from bots.slack.forms import facts_form, notice
from bots.slack.incoming import origin
from bots.slack.listeners.actions.press import place_of
from bots.slack.needs import Needs
from bots.slack.words import lang_of, say

if TYPE_CHECKING:
    from slack_bolt import Ack, App
    from slack_sdk import WebClient


def register(app: App, needs: Needs) -> None:
    @app.action(ANSWER)
    def action(ack: Ack, body: dict[str, Any], action: dict[str, Any], client: WebClient) -> None:
        ask(ack, body, action, client, needs)


def ask(ack: Ack, body: Mapping[str, Any], action: Mapping[str, Any], client: WebClient, needs: Needs) -> None:
    """Opens the form. The button's value names the facts, so that nothing has to be estimated first."""
    case = case_of(str(action.get("block_id") or ""))
    known = needs.store.case(case) if case else None
    who = origin(body)
    if known is None or known.team != who["team"] or known.user != who["user"]:
        lang = lang_of(needs.store.settings(who["team"]).lang)
        view = notice(lang, say("gone" if known is None else "owner_only", lang))
    else:
        lang = lang_of(known.lang)
        facts = [fact for fact in str(action.get("value") or "").split(",") if fact in VOCABULARY]
        place = place_of(body)
        view = facts_form(lang, case, facts, place) if facts else notice(lang, say("gone", lang))
    client.views_open(trigger_id=body["trigger_id"], view=view)
    ack()
