"""Styled text broken into lines of a width, for terminals and pipes alike: Chinese counts two cells and breaks anywhere."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

Span: TypeAlias = tuple[str, str]  # text, style ("" = plain, "bold", "dim", "bold red", a colour's name)
Row: TypeAlias = list[Span]

_WIDE = frozenset("WF")
_NO_BREAK = "\u00a0"


@lru_cache(maxsize=4096)
def _char_cells(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Cf", "Cc", "Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in _WIDE else 1


def cells(text: str) -> int:
    """Terminal cells that a text takes.

    >>> cells("GPU"), cells("显存")
    (3, 4)
    """
    return len(text) if text.isascii() else sum(map(_char_cells, text))


def listed(values: Mapping[str, object]) -> str:
    """Facts and their values on one line.

    >>> listed({"precision": "bf16", "gradient_checkpointing": False, "frozen": ["vision", "projector"], "params_b": 6.738})
    'precision=bf16, gradient_checkpointing=false, frozen=vision,projector, params_b=6.738'
    """
    return ", ".join(f"{name}={as_written(value)}" for name, value in values.items())


def as_written(value: object) -> str:
    """A fact's value as options and configurations write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def cut(text: str, width: int) -> str:
    """The text in at most `width` cells, with an ellipsis where something was cut."""
    if cells(text) <= width:
        return text
    taken, used = [], 0
    for char in text:
        size = _char_cells(char)
        if used + size > width - 1:
            break
        taken.append(char)
        used += size
    return "".join(taken).rstrip() + "…"


def _words(text: str) -> Iterator[str]:
    """Pieces between which a line may break: blanks, words, single wide characters. A no-break blank stays in its word."""
    word = ""
    for char in text:
        wide = not char.isascii() and char != _NO_BREAK and _char_cells(char) == 2
        if char == " " or wide:
            if word:
                yield word
            word = ""
            yield char
        else:
            word += char
    if word:
        yield word


def wrap(spans: Iterable[Span], width: int, *, first: str = "", rest: str = "") -> list[Row]:
    """Lines of at most `width` cells; line breaks in the text are kept, words longer than a line are cut into pieces.

    Args:
        spans: the text with its styles.
        first, rest: what the first and all other lines begin with.
    """
    width = max(4, width)
    rows: list[Row] = []
    row: Row = [(first, "")] if first else []
    used, start = cells(first), cells(first)
    indent = cells(rest)

    def flush() -> None:
        nonlocal row, used, start
        while row and row[-1][0] == " ":
            row.pop()
        rows.append(row)
        row, used, start = ([(rest, "")] if rest else []), indent, indent

    for text, style in spans:
        for number, line in enumerate(text.split("\n")):
            if number:
                flush()
            for piece in _words(line):
                size = cells(piece)
                if used + size > width and piece != " " and used > start:
                    flush()
                while size > width - used and piece != " ":
                    head = _head(piece, max(1, width - used))
                    row.append((head, style))
                    piece = piece[len(head) :]
                    size = cells(piece)
                    if piece:
                        flush()
                if piece == " " and ((used == start and rows) or used >= width):
                    continue
                if piece:
                    row.append((piece, style))
                    used += size
    flush()
    return [_joined(line) for line in rows]


def _head(text: str, width: int) -> str:
    used = 0
    for index, char in enumerate(text):
        used += _char_cells(char)
        if used > width:
            return text[: max(1, index)]
    return text


def _joined(row: Sequence[Span]) -> Row:
    """Neighbours of one style as one span."""
    joined: Row = []
    for text, style in row:
        if joined and joined[-1][1] == style:
            joined[-1] = (joined[-1][0] + text, style)
        else:
            joined.append((text, style))
    return joined


def plain(rows: Iterable[Row]) -> str:
    """The lines without styles, each ended by a line break."""
    return "".join("".join(text for text, _ in row).rstrip().replace(_NO_BREAK, " ") + "\n" for row in rows)
