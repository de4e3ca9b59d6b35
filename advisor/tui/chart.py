"""A memory bar as characters: its parts, what is free, the interval's ends, and the card's line, readable without colour too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from advisor.render.bars import BLOCKS

# The order of drawing, the same in every bar, so that a part is looked for in one place. What is not named follows.
ORDER = (
    "weights", "adapters", "gradients", "optimizer", "activations", "recomputed", "logits", "kv_cache", "casts", "dequantised",
    "temporaries", "gathered", "buffers", "reference_models", "engine", "other_models", "workspace", "context",
)  # fmt: skip
# Near the colours of Okabe and Ito, which people with colour blindness can tell apart, and near the 256-colour cube.
DARK = (
    "#5fafff", "#ffd75f", "#d7875f", "#d787d7", "#5fd7af", "#87d7ff", "#ff875f", "#afd75f", "#d7afff", "#afafaf", "#ffafaf", "#87afaf",
)  # fmt: skip
LIGHT = (
    "#005faf", "#875f00", "#af3700", "#870087", "#005f3f", "#0087af", "#d70000", "#5f8700", "#5f00d7", "#585858", "#af5f5f", "#005f5f",
)  # fmt: skip
FREE, LIMIT, LOW, HIGH, SPAN = "·", "┃", "├", "┤", "─"


class Run(Struct, frozen=True):
    """Equal cells: the text, what they show (a component's id, or free, limit, interval), and the part under an overlay."""

    text: str
    kind: str
    part: str = ""


def ordered(parts: Sequence[Mapping[str, float]], floor: float = 0.005) -> list[str]:
    """The components of several bars in the order of drawing; those below `floor` GiB in all of them are left out."""
    largest: dict[str, float] = {}
    for one in parts:
        for name, gib in one.items():
            largest[name] = max(largest.get(name, 0.0), gib)
    place = {name: index for index, name in enumerate(ORDER)}
    names = [name for name, gib in largest.items() if gib >= floor]
    return sorted(names, key=lambda name: place.get(name, len(place)))


def block(index: int) -> str:
    """The character of the component at this place of the order."""
    return BLOCKS[index % len(BLOCKS)]


def colour(index: int, *, dark: bool) -> str:
    """The colour of the component at this place of the order."""
    palette = DARK if dark else LIGHT
    return palette[index % len(palette)]


def bar(
    parts: Mapping[str, float],
    order: Sequence[str],
    interval: tuple[float, float],
    capacity: float | None,
    scale: float,
    width: int,
) -> list[Run]:
    """A bar of `width` cells that stand for 0 to `scale` GiB; every bar of one scale has the card's line in the same place.

    Args:
        parts: GiB by component.
        order: the components in the order of drawing.
        interval: its low and high end, GiB; equal ends are not drawn.
        capacity: GiB of the card; None draws no line.

    Largest-remainder rounding: the cells of the parts add up to the cells of their total.

    >>> text = bar({"weights": 6, "logits": 6}, ["weights", "logits"], (11, 16), 20, 24, 24)
    >>> "".join(run.text for run in text)
    '██████▓▓▓▓▓├────┤···┃   '
    """
    width = max(8, width)
    if scale <= 0:
        return [Run(" " * width, "")]
    cells = [(" ", "", "")] * width
    total = sum(parts.get(name, 0.0) for name in order)
    filled = min(width, round(total / scale * width))
    at = 0
    for index, count in enumerate(_shares([parts.get(name, 0.0) for name in order], filled)):
        cells[at : at + count] = [(block(index), order[index], "")] * count
        at += count
    limit = None if capacity is None else min(width - 1, round(capacity / scale * width))
    if limit is not None and limit > filled:
        cells[filled:limit] = [(FREE, "free", "")] * (limit - filled)
    low, high = (min(width - 1, round(end / scale * width)) for end in interval)
    if high > low:
        for place in range(max(filled, low), high):
            cells[place] = (SPAN, "interval", "")
        cells[low] = (LOW, "interval", cells[low][1] if low < filled else "")
        cells[high] = (HIGH, "interval", cells[high][1] if high < filled else "")
    if limit is not None:
        cells[limit] = (LIMIT, "limit", cells[limit][1] if limit < filled else "")
    return _joined(cells)


def line_place(capacity: float, scale: float, width: int) -> int:
    """The cell in which `bar` draws the card's line."""
    width = max(8, width)
    return min(width - 1, round(capacity / scale * width))


def _shares(sizes: Sequence[float], cells: int) -> list[int]:
    total = sum(sizes)
    if total <= 0:
        return [0] * len(sizes)
    exact = [size / total * cells for size in sizes]
    counts = [int(value) for value in exact]
    by_remainder = sorted(range(len(sizes)), key=lambda index: exact[index] - counts[index], reverse=True)
    for index in by_remainder[: cells - sum(counts)]:
        counts[index] += 1
    return counts


def _joined(cells: Sequence[tuple[str, str, str]]) -> list[Run]:
    runs: list[Run] = []
    for text, kind, part in cells:
        if runs and (runs[-1].kind, runs[-1].part) == (kind, part) and kind not in ("limit",):
            runs[-1] = Run(runs[-1].text + text, kind, part)
        else:
            runs.append(Run(text, kind, part))
    return runs
