"""A unified diff of the changed blocks, with the line numbers of the text as it was pasted."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from advisor.edits.apply import Piece

CONTEXT = 3


def unified(
    lines: Sequence[str], pieces: Sequence[Piece], numbers: Sequence[int], before: str, after: str, *, ends: bool = True
) -> str:
    r"""The diff, ready for `patch`; empty where nothing changed.

    Args:
        lines: of the text; `numbers` holds the number of each in the original, which may have more lines between them.
        pieces: the changed blocks, in the order of the text.
        before, after: what the two versions are called.
        ends: the text ends with a line break.

    >>> print(unified(["a", "b"], [Piece(1, ("b",), ("c",), "yaml")], [7, 8], "run.sh", "run.sh"))
    --- run.sh
    +++ run.sh
    @@ -7,2 +7,2 @@
     a
    -b
    +c
    """
    hunks: list[str] = []
    shift = 0
    for group in _groups(pieces):
        first, last = _reach(group, numbers)
        old = list(lines[first:last])
        new = list(old)
        for piece in reversed(group):
            at = piece.first - first
            new[at : at + len(piece.before)] = piece.after
        rows = list(difflib.unified_diff(old, new, n=CONTEXT, lineterm=""))[2:]
        open_end = not ends and last == len(lines)
        hunks += [
            _header(row, numbers[first] - 1, shift) if row.startswith("@@") else row
            for row in _marked(rows, old, new, open_end)
        ]
        shift += len(new) - len(old)
    return "\n".join([f"--- {before}", f"+++ {after}", *hunks]) if hunks else ""


def _marked(rows: Sequence[str], old: Sequence[str], new: Sequence[str], open_end: bool) -> Iterator[str]:
    """The rows of a diff, with the remark of `diff` behind the last line of a text that ends without a line break."""
    seen_old = seen_new = 0
    for row in rows:
        yield row
        if row.startswith("@@"):
            seen_old, seen_new = (int(span[1:].partition(",")[0]) - 1 for span in row.split(" ")[1:3])
            continue
        seen_old += row[0] in " -"
        seen_new += row[0] in " +"
        at_end = (row[0] in " -" and seen_old == len(old)) or (row[0] == "+" and seen_new == len(new))
        if open_end and at_end:
            yield "\\ No newline at end of file"


def _groups(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Blocks whose surroundings touch, together."""
    found: list[list[Piece]] = []
    for piece in pieces:
        if found and piece.first - found[-1][-1].first - len(found[-1][-1].before) <= 2 * CONTEXT:
            found[-1].append(piece)
        else:
            found.append([piece])
    return found


def _reach(group: Sequence[Piece], numbers: Sequence[int]) -> tuple[int, int]:
    """The lines around a group, as far as none was left out of the text."""
    first, last = group[0].first, group[-1].first + len(group[-1].before)
    start, stop = first, last
    while start > max(0, first - CONTEXT) and numbers[start] - numbers[start - 1] == 1:
        start -= 1
    while stop < min(len(numbers), last + CONTEXT) and numbers[stop] - numbers[stop - 1] == 1:
        stop += 1
    return start, stop


def _header(row: str, offset: int, shift: int) -> str:
    """`@@ -1,4 +1,5 @@` of a window as a place in the whole text."""
    _, old, new, _ = row.split(" ", 3)
    return f"@@ {_moved(old, offset)} {_moved(new, offset + shift)} @@"


def _moved(span: str, by: int) -> str:
    sign, numbers = span[0], span[1:]
    first, comma, count = numbers.partition(",")
    return f"{sign}{int(first) + by}{comma}{count}"
