"""A setting where it stands in a text, and what every notation can do with one: find, set, add, remove."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

from msgspec import Struct

Value: TypeAlias = bool | int | float | str

_WORDS = {
    "1": "0",
    "yes": "no",
    "on": "off",
    "true": "false",
    "True": "False",
    "TRUE": "FALSE",
    "Yes": "No",
    "On": "Off",
}
_SWITCHES = {**{yes: (yes, no) for yes, no in _WORDS.items()}, **{no: (yes, no) for yes, no in _WORDS.items()}}


class Raw(str):
    """A value of Python that is written as it is, an expression: `torch.bfloat16`."""


class Entry(Struct, frozen=True):
    """One setting of a text; all places are offsets in it.

    Attributes:
        path: the key: no leading dashes, underscores, lower case, the keys of nested levels joined by dots.
        name: the key as written.
        value: the value without quotes; empty for a switch that stands alone.
        start, end: where the setting begins and ends.
        at, to: where the value begins and ends, quotes included; both `end` for a switch that stands alone.
        construct: the call around it in lower case (`loraconfig`), empty outside of one.
        is_variable: an environment variable in front of a command.
    """

    path: str
    name: str
    value: str
    start: int
    end: int
    at: int
    to: int
    construct: str = ""
    is_variable: bool = False

    @property
    def is_bare(self) -> bool:
        return self.at >= self.to

    @property
    def key(self) -> str:
        """The last part of the path."""
        return self.path.rsplit(".", 1)[-1]


class Notation(Protocol):
    """A way to write settings down. Every function takes the whole text and gives it back changed."""

    def entries(self, text: str) -> list[Entry]:
        """The settings of the text in their order; those inside of comments are left out."""
        ...

    def changed(self, text: str, entry: Entry, value: Value) -> str:
        """The text with another value for a setting that it has."""
        ...

    def added(self, text: str, path: Sequence[str], value: Value, near: Entry | None) -> str | None:
        """The text with a further setting, after `near` where that makes sense; None where there is no place for it."""
        ...

    def removed(self, text: str, entry: Entry) -> str:
        """The text without a setting."""
        ...


def normalised(key: str) -> str:
    """`--per-device-train-batch-size`, `per_device_train_batch_size` and `"per_device_train_batch_size"` are one key."""
    return key.strip().strip("\"'`").lstrip("-+").lower().replace("-", "_")


def unquoted(text: str) -> str:
    """A written value without its quotes."""
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    return text


def value_of(text: str) -> Value:
    """A written value as a switch, a number or a word.

    >>> value_of("True"), value_of("2e8"), value_of("8"), value_of('"cpu"')
    (True, 200000000.0, 8, 'cpu')
    """
    text = text.strip()
    if text in ("true", "True", "TRUE"):
        return True
    if text in ("false", "False", "FALSE"):
        return False
    bare = unquoted(text)
    if bare != text:
        return bare
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text) if text[:1].isdigit() or text[:1] in "-." else text
    except ValueError:
        return text


def switch(value: bool, old: str, default: str) -> str:
    """A switch in the words of the old value (`True`, `yes`, `on`, `1`), else in those of `default`.

    >>> switch(False, "on", "true"), switch(True, "", "True")
    ('off', 'True')
    """
    yes, no = _SWITCHES.get(unquoted(old), _SWITCHES[default])
    word = yes if value else no
    return f"{old[0]}{word}{old[0]}" if old[:1] in ("'", '"') and old else word


def number(value: float) -> str:
    """A number as people write it.

    >>> number(8), number(0.9), number(2e8)
    ('8', '0.9', '2e8')
    """
    if isinstance(value, int):
        return str(value)
    if value >= 1e6 and value == int(value):
        return f"{value:.6g}".replace("e+0", "e").replace("e+", "e")
    return f"{value:g}"


def line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def line_end(text: str, at: int) -> int:
    """Where the line of `at` ends: at its line break, or at the end of the text."""
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def indent_of(text: str, at: int) -> str:
    """The blanks with which the line of `at` begins."""
    start = line_start(text, at)
    end = start
    while end < len(text) and text[end] in " \t":
        end += 1
    return text[start:end]
