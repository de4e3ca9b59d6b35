"""The normal form of a name: what stays of it when case, separators and trade marks are taken away.

>>> key_of("GeForce RTX-4090"), key_of("rtx4090"), key_of("A100_80GB"), key_of("Qwen2_5-VL-7B")
('geforcertx4090', 'rtx4090', 'a100-80gb', 'qwen2.5vl7b')
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from functools import cached_property
from typing import Any

import re2

# For the names of knowledge/ alone, of which there are thousands to read at the first use; text goes through `_piece_end`.
_PIECES = re.compile(r"[a-z]+|(?<![0-9])[0-9]_[0-9](?![0-9])|[0-9]+(?:\.[0-9]+)?|[一-鿿α-ω]+")

_CAPITAL = re.compile("([a-z])([A-Z][a-z])")
_PATTERN_MEMORY = 64 << 20
_SEPARATORS = frozenset(" \t-_/.:()[]+®™")
_MARKS = ("(tm)", "(r)", "(c)")
_LONGEST_GAP = 3
_MOST_PIECES = 16
_WINDOW = 96
_WALKED = 20_000


def lower_of(text: str) -> str:
    """The text in lower case, offset for offset as long as before."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(low if len(low := char.lower()) == 1 else char for char in text)


def pieces_of(name: str) -> list[str]:
    """The words and numbers of a name; `2_5` is the number 2.5.

    >>> pieces_of("MiniCPM-Llama3-V 2_5")
    ['minicpm', 'llama', '3', 'v', '2.5']
    """
    lowered = _without_marks(lower_of(name))
    found, at = [], 0
    while at < len(lowered):
        end = _piece_end(lowered, at, len(lowered))
        if end > at:
            found.append(lowered[at:end].replace("_", "."))
        at = max(end, at + 1)
    return found


def known_pieces(name: str) -> list[str]:
    """The same as `pieces_of`, faster, for the names of knowledge/."""
    return [piece.replace("_", ".") for piece in _PIECES.findall(_without_marks(name.lower()))]


def known_forms(name: str) -> list[list[str]]:
    """The pieces of a name of knowledge/ as it is, and cut where a capital begins a word: HunyuanVideo, Hunyuan Video."""
    forms = [known_pieces(name)]
    cut = _CAPITAL.sub(r"\1 \2", name)
    if cut != name:
        forms.append(known_pieces(cut))
    return forms


def key_of(name: str) -> str:
    """The normal form of a whole name: its pieces together, with a hyphen between two numbers.

    A name without letters and digits gives the empty key.
    """
    return beginnings_of(pieces_of(name))[-1]


def beginnings_of(pieces: Iterable[str]) -> list[str]:
    """The keys of the first piece, the first two and so on; the last is the key of all. `[""]` for no pieces."""
    key, found = "", []
    for piece in pieces:
        key = _joined(key, piece)
        found.append(key)
    return found or [""]


def keys_from(lowered: str, start: int, known: Collection[str]) -> Iterator[tuple[str, int]]:
    """The keys that begin at `start` and are the beginning of a known name, shortest first, each with its end.

    A name ends at the latest where something other than a separator comes, or at the end of the line.
    """
    stop = min(len(lowered), start + _WINDOW)
    key, at = "", start
    for _ in range(_MOST_PIECES):
        end = _piece_end(lowered, at, stop)
        if end == at:
            return
        key = _joined(key, lowered[at:end].replace("_", "."))
        if key not in known:
            return
        yield key, end
        at = end
        while at < stop and at - end < _LONGEST_GAP and lowered[at] in _SEPARATORS:
            for mark in _MARKS:
                if lowered.startswith(mark, at):
                    end = at + len(mark)
                    at = end - 1
            at += 1


def triggers(names: Iterable[list[str]]) -> str:
    """A pattern of the places where one of the names, given in pieces, may begin; see `Trigger`.

    It looks at the first two pieces of a name, so that a word that begins many names ("llama" in a path of code) costs nothing.
    """
    following: dict[str, set[str]] = {}
    alone: set[str] = set()
    for pieces in names:
        if len(pieces) == 1:
            alone.add(pieces[0])
        elif pieces:
            following.setdefault(pieces[0], set()).add(pieces[1])

    def head(first: str) -> str:
        seconds = "|".join(re2.escape(piece) for piece in sorted(following.get(first, ())))
        separator = "" if len(first) == 1 and first.isascii() else "[ _./()-]{0,2}"
        optional = "?" if first in alone else ""
        return str(re2.escape(first)) + (f"(?:{separator}(?:{seconds})){optional}" if seconds else "")

    firsts = sorted({*following, *alone}, key=lambda piece: (-len(piece), piece))
    latin = "|".join(head(first) for first in firsts if first.isascii())
    other = "|".join(head(first) for first in firsts if not first.isascii())
    parts = [rf"(?:\b|_|[0-9]x)({latin})" if latin else "", f"({other})" if other else ""]
    return "|".join(part for part in parts if part).replace(r"\.", "[._]") or "$^"


class Trigger:
    """Where a name may begin in a text: a short text is walked word by word, a long one searched with the pattern of `triggers`.

    To compile the pattern takes longer than to walk some pages; once it is compiled it is the quicker way for all texts.
    """

    def __init__(self, pattern: str, beginnings: Collection[str]) -> None:
        """`beginnings` holds the keys of the beginnings of all names."""
        self._source, self._beginnings = pattern, beginnings

    @cached_property
    def _pattern(self) -> Any:
        options = re2.Options()
        options.max_mem = _PATTERN_MEMORY
        return re2.compile(self._source, options)

    def starts(self, lowered: str) -> Iterator[int]:
        """The places, ascending; a place where no name begins does no harm."""
        compiled = "_pattern" in self.__dict__
        return self.walked(lowered) if len(lowered) <= _WALKED and not compiled else self.searched(lowered)

    def searched(self, lowered: str) -> Iterator[int]:
        """Each place that the pattern finds, and the second piece of what it found there."""
        for match in self._pattern.finditer(lowered):
            start, stop = match.span(1) if match.start(1) >= 0 else match.span(2)
            yield start
            second = _piece_end(lowered, start, stop)
            while second < stop and not _kind(lowered[second]):
                second += 1
            if second < stop:
                yield second

    def walked(self, lowered: str) -> Iterator[int]:
        """Each word that begins a name, and what follows on its heels."""
        at, stop, first = 0, len(lowered), ""
        while at < stop:
            end = _piece_end(lowered, at, stop)
            if end == at:
                at, first = at + 1, ""
                continue
            before = lowered[at - 1 : at]
            counted = before == "x" and lowered[at - 2 : at - 1].isdigit()  # 8x3090
            free = counted or _kind(lowered[at]) == _OTHER or not (before.isascii() and before.isalnum())
            piece = lowered[at:end].replace("_", ".")
            if len(piece) == 1 and piece.isascii() and not _kind(lowered[end : end + 1] or " "):
                free = False  # "a 750 Ti" is no A750
            elif piece in self._beginnings and (free or (first and _joined(first, piece) in self._beginnings)):
                yield at
            elif lowered[at] == "x" and before.isdigit() and lowered[at + 1 : end] in self._beginnings:
                yield at + 1  # 8xA100
            first = piece if free and piece in self._beginnings else ""
            at = end


def _without_marks(lowered: str) -> str:
    for mark in _MARKS:
        lowered = lowered.replace(mark, " ")
    return lowered


def _joined(key: str, piece: str) -> str:
    return f"{key}-{piece}" if key and key[-1].isdigit() and piece[0].isdigit() else key + piece


def _piece_end(text: str, at: int, stop: int) -> int:
    """Where the word or number that begins at `at` ends; `at` itself if none begins there."""
    if at >= stop:
        return at
    kind = _kind(text[at])
    end = at
    if not kind:
        return at
    while end < stop and _kind(text[end]) == kind:
        end += 1
    if (
        kind == _DIGIT
        and end + 1 < stop
        and "0" <= text[end + 1] <= "9"
        and (text[end] == "." or _is_version(text, at, end, stop))
    ):
        end += 2
        while end < stop and "0" <= text[end] <= "9":
            end += 1
    return end


def _is_version(text: str, at: int, end: int, stop: int) -> bool:
    """Whether an underscore at `end` stands for a dot: between two single digits (2_5), not in A100_80GB."""
    return text[end] == "_" and end == at + 1 and not ("0" <= text[end + 2 : end + 3] <= "9" and end + 2 < stop)


_LETTER, _DIGIT, _OTHER = 1, 2, 3


def _kind(char: str) -> int:
    if "a" <= char <= "z":
        return _LETTER
    if "0" <= char <= "9":
        return _DIGIT
    return _OTHER if "一" <= char <= "鿿" or "α" <= char <= "ω" else 0
