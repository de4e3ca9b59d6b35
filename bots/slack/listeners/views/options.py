"""The names that the lists of cards, models and frameworks offer for what was typed so far."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from advisor.library import Library
from advisor.names.keys import key_of
from advisor.render.slack.blocks import MAX_OPTIONS, option
from bots.slack.forms import FRAMEWORK, GPU, MODEL
from bots.slack.needs import Needs

if TYPE_CHECKING:
    from slack_bolt import Ack, App


def register(app: App, needs: Needs) -> None:
    def listed(ack: Ack, options: dict[str, Any]) -> None:
        offer(ack, options, needs)

    for action_id in (GPU, MODEL, FRAMEWORK):
        app.options(action_id)(listed)


def offer(ack: Ack, options: dict[str, Any], needs: Needs) -> None:
    """At most 100 names that have all the words that were typed; those that begin with them come first."""
    found = matching(str(options.get("value") or ""), str(options.get("action_id") or ""), needs.library)
    ack(options=[option(text, value) for text, value in found[:MAX_OPTIONS]])


def matching(typed: str, action_id: str, library: Library) -> list[tuple[str, str]]:
    """Shown text and value of the names that match."""
    words = [key_of(word) for word in typed[:100].split() if key_of(word)]
    scored = []
    for name, also in _names(action_id, library):
        keys = [key_of(each) for each in (name, *also)]
        if all(any(word in key for key in keys) for word in words):
            first = key_of(typed[:100])
            scored.append((min((key.find(first) if first in key else 99) for key in keys), len(name), name))
    return [(name, name) for _, _, name in sorted(scored)]


def _names(action_id: str, library: Library) -> Iterable[tuple[str, tuple[str, ...]]]:
    if action_id == GPU:
        return ((gpu.name, tuple(gpu.aliases)) for gpu in library.gpus.values())
    if action_id == MODEL:
        return ((model.name, (model.hf_id, *model.aliases)) for model in library.models.values())
    return ((framework.id, tuple(framework.names)) for framework in library.frameworks.values())
