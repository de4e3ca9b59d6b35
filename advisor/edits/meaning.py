"""What the settings of a block say of the run, by the same tables with which logs are read, and how a fact is spelled in them."""

from __future__ import annotations

from collections.abc import Sequence

import re2
from msgspec import Struct

from advisor.edits.blocks import Block
from advisor.edits.entry import Entry, Raw, Value
from advisor.edits.pairs import Pair
from advisor.facts import FactValue
from advisor.library import Library
from advisor.readers.document import Document
from advisor.readers.resolve import resolve
from advisor.readers.runs.keys import key_index, lineage_of
from advisor.readers.runs.program import ids, recognised
from advisor.readers.runs.settings import Context, Setting, observations

_RANKS = {"command": 70, "python": 55}
_EMPTY = Document.of("")
# Two words for what is one thing to a run.
_ALIKE = {
    "amp-bf16": "bf16",
    "amp-fp16": "fp16",
    "nf4": "4bit",
    "int4": "4bit",
    "fp8": "8bit",
    "fp8_e4m3": "8bit",
    "fp8_e5m2": "8bit",
    "int8": "8bit",
    "q8_0": "8bit",
    "optimizer+grads": "optimizer",
}
_NUMBERS = re2.compile(r"[0-9]+")


class Statement(Struct, frozen=True):
    """A fact that an entry states; `direct` when its key is a spelling of the fact, not one that only implies it."""

    fact: str
    value: FactValue
    direct: bool


class Reader:
    """Reads the settings of one block in the words of its programs."""

    def __init__(self, block: Block, frameworks: Sequence[str], library: Library) -> None:
        """
        Args:
            frameworks: the programs of the whole text, the most specific first.
        """
        self.library = library
        self.kind = block.kind
        own = [] if block.kind == "command" else ids(recognised(Document.of(block.text), library))
        self.own = own[0] if own and own[0] != "pytorch" else (frameworks[0] if frameworks else "")
        self.frameworks = list(dict.fromkeys([*([self.own] if self.own else []), *own, *frameworks]))
        self.lineage = lineage_of(self.frameworks, library)
        self._index = key_index(library)
        self._said: dict[tuple[str, str, str], tuple[Statement, ...]] = {}

    def _setting(self, path: str, value: str, construct: str) -> Setting:
        context: Context = "command" if self.kind == "command" else "inner" if construct else "line"
        return Setting(path, value, 0, _RANKS.get(self.kind, 60), construct, context)

    def says(self, entry: Entry) -> tuple[Statement, ...]:
        """The facts that one entry states by itself."""
        if entry.is_bare and self.kind != "command":
            return ()
        return self._states(entry.path, entry.value, entry.construct)

    def pair_says(self, pair: Pair, construct: str = "") -> tuple[Statement, ...]:
        """The facts that a setting of a change would state in this block."""
        value = pair.value
        word = "" if pair.is_switch else str(value).strip("\"'") if not isinstance(value, bool) else str(value).lower()
        return self._states(pair.key, word, pair.construct or construct)

    def _states(self, path: str, value: str, construct: str) -> tuple[Statement, ...]:
        known = self._said.get((path, value, construct))
        if known is None:
            found = observations(_EMPTY, [self._setting(path, value, construct)], self.frameworks, self.library)
            facts = {item.fact: item.value for item in found if item.origin == "stated"}
            known = tuple(Statement(fact, said, self._is_direct(path, fact)) for fact, said in facts.items())
            self._said[path, value, construct] = known
        return known

    def _is_direct(self, path: str, fact: str) -> bool:
        parts = path.split(".")
        keys = [".".join(parts[start:]) for start in range(len(parts))]
        if any(self._index.keys.get(name, {}).get(key) == fact for name in self.lineage for key in keys):
            return True
        return any(self._index.agreed.get(key, ("", ""))[1] == fact for key in keys)

    def spells(self, path: str, framework: str) -> bool:
        """Whether a framework itself (not what it inherits) has this key."""
        parts = path.split(".")
        own = self._index.keys.get(framework, {})
        implied = self._index.implies.get(framework, {})
        return any(".".join(parts[start:]) in own or ".".join(parts[start:]) in implied for start in range(len(parts)))

    def facts(self, entries: Sequence[Entry]) -> dict[str, FactValue]:
        """What all entries together say."""
        settings = [
            self._setting(entry.path, entry.value, entry.construct)
            for entry in entries
            if not (entry.is_bare and self.kind != "command")
        ]
        return resolve(list(observations(_EMPTY, settings, self.frameworks, self.library))).facts

    def spelled(self, fact: str, value: FactValue, entry: Entry) -> Value | None:
        """A fact's value as it is written in the place of an entry; None where the programs have no word for it."""
        if fact == "image_resolution" and isinstance(value, str):
            return _resolution(value, entry.value)
        if isinstance(value, bool | int | float):
            return value
        if not isinstance(value, str):
            return None
        choices: list[str] = []
        for name in self.lineage:
            known = self.library.frameworks.get(name)
            table = known.values.get(fact, {}) if known else {}
            choices = [str(word) for word, meaning in table.items() if meaning == value and word not in ("*", "")]
            if choices:
                break
        if not choices:
            # The word itself, where the program was given such a word before.
            meant = [item.value for item in self._states(entry.path, entry.value, entry.construct) if item.fact == fact]
            is_word = bool(meant) and str(meant[0]).lower() == entry.value.lower() and not value.startswith("amp-")
            return value if is_word else None
        word = max(choices, key=lambda item: _common(item, entry.value.lower()))
        return Raw(word) if entry.construct and "." in word else word


def _common(one: str, other: str) -> int:
    size = 0
    while size < min(len(one), len(other)) and one[size] == other[size]:
        size += 1
    return size


def _resolution(value: str, old: str) -> Value:
    """`512x512` in the manner of the old one: one side where it had one, the same marks between two."""
    sides = value.split("x")
    numbers = _NUMBERS.findall(old)
    if len(numbers) == 1:
        return int(sides[0]) if old.isdigit() else Raw(old.replace(numbers[0], sides[0], 1))
    if len(numbers) != 2:
        return value
    first, second = sides[0], sides[-1]
    at = old.index(numbers[0]) + len(numbers[0])
    return Raw(old[:at].replace(numbers[0], first, 1) + old[at:].replace(numbers[1], second, 1))


def same(one: object, other: object) -> bool:
    """Whether two values of a fact are the same to a run.

    >>> same("amp-bf16", "bf16"), same(2, 2.0), same(True, 1)
    (True, True, False)
    """
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return abs(one - other) < 1e-9
    if isinstance(one, str) and isinstance(other, str):
        return _ALIKE.get(one, one) == _ALIKE.get(other, other) or _square(one) == _square(other)
    return one == other


def _square(value: str) -> str:
    return f"{value}x{value}" if value.isdigit() else value
