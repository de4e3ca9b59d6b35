"""“Why …?”: the reasons of one remedy, in the view that waits for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from advisor.render.slack import why_view
from bots.slack.answers.cases import answered
from bots.slack.forms import notice
from bots.slack.tools import Tools
from bots.slack.words import lang_of, say


def why(payload: Mapping[str, Any], tools: Tools) -> None:
    """Fills the view: rules with the conditions that held, lines of the text, documents; or says that it may not be opened."""
    kept = tools.store.case(str(payload["case"]))
    lang = lang_of(tools.store.settings(str(payload["team"])).lang)
    if kept is None:
        view = notice(lang, say("gone", lang))
    elif kept.team != payload["team"] or not (kept.shared or kept.user == payload["user"]):
        view = notice(lang, say("not_yours", lang))
    else:
        view = why_view(answered(kept, tools.library).report, str(payload["remedy"]))
    client = tools.client(str(payload["team"]), str(payload.get("enterprise") or ""))
    client.views_update(view_id=str(payload["view"]), view=view)
