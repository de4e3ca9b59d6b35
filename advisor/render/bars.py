"""A stacked bar of memory components against a card's capacity, as characters that also work without colour."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

# Blocks tell the parts apart without colour; the ASCII row is for terminals whose encoding lacks them.
BLOCKS = "█▓▒░▚▞▤▥▦▧▨▩"
ASCII_BLOCKS = "#=%+*-o:~x@&"
COLOURS = (
    "cyan", "magenta", "yellow", "green", "blue", "red", "bright_cyan", "bright_magenta", "bright_yellow",
    "bright_green", "bright_blue", "bright_red",
)  # fmt: skip
MIN_SHARE = 0.004  # parts below it are joined to the rest


class Segment(Struct, frozen=True):
    """A run of equal characters: which part (index; -1 = free), the character, and how many cells."""

    part: int
    char: str
    cells: int


def stacked(sizes: Sequence[float], capacity: float | None, width: int, *, ascii_only: bool = False) -> list[Segment]:
    """The segments of a bar of `width` cells, with a mark where the capacity ends.

    Args:
        sizes: GiB of each part, in the order of drawing.
        capacity: GiB of the card; None draws no mark and fills the width.
        width: cells of the whole bar, at least 10.

    The bar is as long as the larger of total and capacity. Largest-remainder rounding: the cells of the parts add up to
    the cells of their total, and a part is never longer than a larger one.

    >>> "".join(s.char * s.cells for s in stacked([6, 6], 24, 20))
    '█████▓▓▓▓▓··········▏'
    """
    width = max(10, width)
    total = sum(sizes)
    scale = max(total, capacity or 0.0)
    if scale <= 0:
        return []
    blocks = ASCII_BLOCKS if ascii_only else BLOCKS
    filled = min(width, round(total / scale * width))
    exact = [size / total * filled if total else 0.0 for size in sizes]
    cells = [int(value) for value in exact]
    by_remainder = sorted(range(len(sizes)), key=lambda index: exact[index] - cells[index], reverse=True)
    for index in by_remainder[: filled - sum(cells)]:
        cells[index] += 1
    segments = [Segment(i, blocks[i % len(blocks)], count) for i, count in enumerate(cells) if count]
    if filled < width:
        segments.append(Segment(-1, "." if ascii_only else "·", width - filled))
    if capacity is None:
        return segments
    return _with_mark(segments, min(width, round(capacity / scale * width)), "|" if ascii_only else "▏")


def _with_mark(segments: Sequence[Segment], place: int, char: str) -> list[Segment]:
    marked: list[Segment] = []
    passed = 0
    placed = False
    for segment in segments:
        end = passed + segment.cells
        if not placed and passed <= place < end:
            marked.append(Segment(segment.part, segment.char, place - passed))
            marked.append(Segment(-2, char, 1))
            marked.append(Segment(segment.part, segment.char, end - place))
            placed = True
        else:
            marked.append(segment)
        passed = end
    if not placed:
        marked.append(Segment(-2, char, 1))
    return [segment for segment in marked if segment.cells]
