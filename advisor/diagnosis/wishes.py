"""What the person rules out or insists on in the text, laid over the preferences that the options give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from advisor.facts import Lang
from advisor.library import Library
from advisor.plan.edit import forbidden
from advisor.plan.outcome import Preferences
from advisor.readers.resolve import Resolution
from advisor.records import Remedy
from advisor.report import Respected


class Wish(Struct, frozen=True):
    """A wish of the text: its words in both languages, what it keeps and forbids, and where it is said."""

    id: str
    text: Mapping[str, str]
    preferences: Preferences
    line: int
    quote: str

    def report(self, lang: Lang) -> Respected:
        return Respected(self.id, self.text.get(lang, self.id), self.line, self.quote)


def wishes_of(resolution: Resolution, library: Library) -> list[Wish]:
    """The wishes that were read, each once, as knowledge/wishes.yaml puts them."""
    known: Mapping[str, Any] = library.settings.get("wishes") or {}
    found: dict[str, Wish] = {}
    for item in resolution.wishes:
        name = str(item.value)
        words = known.get(name)
        if words and name not in found:
            wanted = Preferences("", tuple(words.get("keep", ())), tuple(words.get("forbid", ())))
            found[name] = Wish(name, {"en": words["en"], "zh": words["zh"]}, wanted, item.line, item.quote)
    return list(found.values())


def with_wishes(preferences: Preferences, wishes: Sequence[Wish]) -> Preferences:
    """The preferences with what the text keeps and forbids."""
    keep = (*preferences.keep, *(name for wish in wishes for name in wish.preferences.keep))
    forbid = (*preferences.forbid, *(name for wish in wishes for name in wish.preferences.forbid))
    return Preferences(preferences.prefer, tuple(dict.fromkeys(keep)), tuple(dict.fromkeys(forbid)))


def ruled_out_by(remedy: Remedy, wishes: Sequence[Wish]) -> Wish | None:
    """The first wish that rules a remedy out."""
    return next((wish for wish in wishes if forbidden(remedy, wish.preferences)), None)
