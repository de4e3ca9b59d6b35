"""Scenarios side by side in numbers: each component, the total, the interval, whether it fits, the step time."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from advisor.diagnosis.scenario import Scenario
from advisor.facts import Lang
from advisor.tui.chart import block, ordered
from advisor.units import format_gib
from advisor.wording import word

PAD, NARROW_PAD = 2, 1
NOTHING = 0.5 / 2**20  # GiB, half a KiB
NAMES = 24  # columns that the components' names should have


def numbers_table(columns: Sequence[tuple[str, Scenario]], lang: Lang, width: int) -> Table:
    """One column a scenario; from the second on, with the difference to the first in GiB where `width` columns have room."""
    parts = [scenario.parts() for _, scenario in columns]
    order = ordered(parts)
    labels = [f"{block(index)} {word(f'component.{name}', lang)}" for index, name in enumerate(order)]
    sizes = [[one.get(name, 0.0) for one in parts] for name in order] + [[sum(one.values()) for one in parts]]
    rows = [_with_changes(row) for row in sizes]
    ends = [scenario.interval() for _, scenario in columns]
    intervals = [f"{low:.1f} ~ {high:.1f} GiB" for low, high in ends]
    names = max(map(cell_len, labels))
    room = width - sum(
        max(map(cell_len, cells)) + PAD for cells in zip(*rows, intervals, [label for label, _ in columns], strict=True)
    )
    narrow = room < min(names, NAMES) + PAD
    if narrow:
        rows = [[size_word(size) for size in row] for row in sizes]
        intervals = [f"{low:.1f} ~ {high:.1f}" for low, high in ends]
        room = width - sum(max(map(cell_len, cells)) + NARROW_PAD for cells in zip(*rows, intervals, strict=True))
    pad = NARROW_PAD if narrow else PAD
    table = Table(box=None, padding=(0, pad, 0, 0), header_style="bold")
    table.add_column("", no_wrap=True, overflow="ellipsis", width=max(8, min(names, room - pad)))
    for label, _ in columns:
        table.add_column(label, justify="right", no_wrap=not narrow)
    for label, row in zip(labels, rows, strict=False):
        table.add_row(label, *row)
    table.add_row(Text(word("tui.total", lang)), *rows[-1], style="bold")
    table.add_row(word("tui.interval", lang) + (" (GiB)" if narrow else ""), *intervals)
    table.add_row(word("column.fits", lang), *(fits_word(scenario.fits, lang) for _, scenario in columns))
    table.add_row(word("column.time", lang), *(f"x{scenario.time_factor:.2f}" for _, scenario in columns))
    return table


def size_word(gib: float) -> str:
    """A size as `format_gib` writes it, nothing as a plain 0."""
    return format_gib(gib) if abs(gib) >= NOTHING else "0"


def _with_changes(sizes: Sequence[float]) -> list[str]:
    cells = [size_word(sizes[0])]
    for size in sizes[1:]:
        change = size - sizes[0]
        sign = "+" if change > 0 else "-"
        cells.append(size_word(size) + (f" ({sign}{abs(change):.1f})" if abs(change) >= 0.05 else ""))
    return cells


def fits_word(fits: bool | None, lang: Lang) -> str:
    """`✓ yes`, `✗ no`, or a question mark."""
    if fits is None:
        return word("unknown", lang)
    return f"✓ {word('yes', lang)}" if fits else f"✗ {word('no', lang)}"
