"""What every match of a pattern must hold, so that most texts need neither the pattern's compilation nor its search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import re2

_LEAST = 3  # shorter literals are in almost every text
_REPEATS = "?*{"


class Rare:
    """A pattern that few texts match: compiled when a text holds what each of its matches must hold.

    >>> pattern = Rare("ran out of memory on device ([0-9]+)")
    >>> text = "it ran out of memory on device 3"
    >>> [match.group(1) for match in pattern.finditer(text, text)]
    ['3']
    """

    __slots__ = ("_compiled", "_needs", "_source")

    def __init__(self, source: str) -> None:
        self._source, self._needs = source, literals_of(source)
        self._compiled: Any = None

    def finditer(self, text: str, lower: str) -> Iterator[Any]:
        """The matches in `text`; `lower` is the same text in lower case."""
        needs = self._needs
        if needs:
            for literal in needs:
                if literal in lower:
                    break
            else:
                return iter(())
        if self._compiled is None:
            self._compiled = re2.compile(self._source)
        found: Iterator[Any] = self._compiled.finditer(text)
        return found


class Named(dict[str, Any]):
    """Patterns by name, each compiled when it is first asked for."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        super().__init__()
        self._sources = sources

    def __missing__(self, name: str) -> Any:
        made = self[name] = re2.compile(self._sources[name])
        return made


def literals_of(pattern: str) -> tuple[str, ...]:
    """One literal in lower case for each alternative of the pattern, of which every match holds at least one; empty where none is sure.

    Only what stands outside of groups counts. Blanks end a literal, since they may stand for any white space.

    >>> literals_of("allocating ([0-9]+) on device|cudaMalloc failed")
    ('allocating', 'cudamalloc')
    >>> literals_of("colou?r(?:ful)? [a-z]+")
    ('colo',)
    >>> literals_of("[0-9]+ (?:GiB|MiB)")
    ()
    """
    found: list[str] = []
    best, run = "", ""
    at, end = 0, len(pattern)
    while at <= end:
        char = pattern[at] if at < end else "|"
        width, literal = 1, ""
        if char == "(":
            width = _group(pattern, at) - at
        elif char == "[":
            width = _class(pattern, at) - at
        elif char == "{" and "}" in pattern[at:]:
            width = pattern.index("}", at) + 1 - at
        elif char == "\\":
            literal, width = _escaped(pattern, at)
        elif char not in "|.^$?*+{})] \t\n" and (char.isascii() or char.casefold() == char):
            literal = char.lower()
        following = pattern[at + width : at + width + 1]
        if literal and not (following and following in _REPEATS):
            run += literal
            if following == "+":
                best, run = max(best, run, key=len), ""
        else:
            best, run = max(best, run, key=len), ""
        if char == "|":
            if len(best) < _LEAST:
                return ()
            found.append(best)
            best = ""
        at += width
    return tuple(dict.fromkeys(found))


def _escaped(pattern: str, at: int) -> tuple[str, int]:
    """The character that an escape stands for, empty for a class or an assertion, and the length of the escape."""
    char = pattern[at + 1 : at + 2]
    if char in ("p", "P", "x") and pattern[at + 2 : at + 3] == "{":
        return "", pattern.find("}", at) + 1 - at
    if char == "x":
        return "", 4
    if char.isalnum():
        return "", 3 if char in ("p", "P") else 2
    return char, 2


def _class(pattern: str, at: int) -> int:
    """The place behind a character class."""
    at += 1
    if pattern[at : at + 1] == "^":
        at += 1
    if pattern[at : at + 1] == "]":
        at += 1
    while at < len(pattern) and pattern[at] != "]":
        if pattern[at] == "\\":
            at += 1
        elif pattern.startswith("[:", at):
            at = pattern.find(":]", at) + 1
        at += 1
    return at + 1


def _group(pattern: str, at: int) -> int:
    """The place behind a group."""
    depth = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            at += 1
        elif char == "[":
            at = _class(pattern, at) - 1
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if not depth:
                return at + 1
        at += 1
    return at
