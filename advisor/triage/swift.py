"""google-re2's Python layer made quick: for ASCII text its offsets are those of the characters, so nothing has to be translated.

The layer counts characters between all offsets of every match, through generators; in bulk that is a third of the time. `install`
replaces three methods of its pattern class and makes a lean match class; everything else, and all text that is not ASCII, stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import re2

_MISSED = (-1, -1)


def install() -> bool:
    """Makes the patterns of this process quick; False where the library is laid out differently and stays as it is."""
    try:
        pattern_class, match_class = re2._Regexp, re2._Match
        plain = pattern_class._match
        anchors = re2._Anchor
        start, anywhere, both = anchors.ANCHOR_START, anchors.UNANCHORED, anchors.ANCHOR_BOTH
    except AttributeError:
        return False
    if getattr(pattern_class.search, "is_swift", False):
        return True

    class Match(match_class):  # type: ignore[misc, valid-type]
        """A match in ASCII text."""

        __slots__ = ()

        def __getitem__(self, group: Any) -> Any:
            if type(group) is int and group >= 0:
                begin, end = self._spans[group]
                return None if begin < 0 else self._text[begin:end]
            return match_class.__getitem__(self, group)

        def group(self, *groups: Any) -> Any:
            if len(groups) == 1:
                return self[groups[0]]
            return self[0] if not groups else tuple(self[group] for group in groups)

        def groups(self, default: Any = None) -> tuple[Any, ...]:
            text = self._text
            return tuple(default if begin < 0 else text[begin:end] for begin, end in self._spans[1:])

        def start(self, group: int = 0) -> int:
            if group < 0:
                raise IndexError("bad group index")
            return int(self._spans[group][0])

        def end(self, group: int = 0) -> int:
            if group < 0:
                raise IndexError("bad group index")
            return int(self._spans[group][1])

        def span(self, group: int = 0) -> tuple[int, int]:
            return self.start(group), self.end(group)

    def first(anchor: Any) -> Any:
        def search(self: Any, text: Any, pos: int | None = None, endpos: int | None = None) -> Any:
            if pos is None and endpos is None and type(text) is str and text.isascii():
                spans = self._regexp.Match(anchor, text.encode(), 0, len(text))
                return None if spans[0] == _MISSED else Match(self, text, 0, len(text), spans)
            return next(plain(self, anchor, text, pos, endpos), None)

        search.is_swift = True  # type: ignore[attr-defined]
        return search

    def _match(self: Any, anchor: Any, text: Any, pos: int | None = None, endpos: int | None = None) -> Iterator[Any]:
        if type(text) is not str or not text.isascii():
            yield from plain(self, anchor, text, pos, endpos)
            return
        size = len(text)
        begin = at = 0 if pos is None else max(0, min(pos, size))
        last = size if endpos is None else max(0, min(endpos, size))
        if at > last:
            return
        data, find = text.encode(), self._regexp.Match
        while True:
            spans = find(anchor, data, at, last)
            if spans[0] == _MISSED:
                return
            yield Match(self, text, begin, last, spans)
            if at == last:
                return
            at = at + 1 if at == spans[0][1] else spans[0][1]

    pattern_class._match = _match
    pattern_class.search, pattern_class.match, pattern_class.fullmatch = first(anywhere), first(start), first(both)
    return True
