"""Scenarios side by side in numbers: each component, the total, the interval, whether it fits, the step time."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from advisor.diagnosis.scenario import Scenario
from advisor.facts import Lang
from advisor.tui.chart import block, ordered
from advisor.units import format_gib
from advisor.wording import word


def numbers_table(columns: Sequence[tuple[str, Scenario]], lang: Lang) -> Table:
    """One column a scenario; from the second on, with the difference to the first in GiB."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("")
    for label, _ in columns:
        table.add_column(label, justify="right", no_wrap=True)
    parts = [scenario.parts() for _, scenario in columns]
    for index, name in enumerate(ordered(parts)):
        sizes = [one.get(name, 0.0) for one in parts]
        table.add_row(f"{block(index)} {word(f'component.{name}', lang)}", *_sizes(sizes))
    totals = [sum(one.values()) for one in parts]
    table.add_row(Text(word("tui.total", lang)), *_sizes(totals), style="bold")
    ends = [scenario.interval() for _, scenario in columns]
    table.add_row(word("tui.interval", lang), *(f"{low:.1f} ~ {high:.1f} GiB" for low, high in ends))
    table.add_row(word("column.fits", lang), *(fits_word(scenario.fits, lang) for _, scenario in columns))
    table.add_row(word("column.time", lang), *(f"x{scenario.time_factor:.2f}" for _, scenario in columns))
    return table


def _sizes(sizes: Sequence[float]) -> list[str]:
    cells = [format_gib(sizes[0])]
    for size in sizes[1:]:
        change = size - sizes[0]
        sign = "+" if change > 0 else "-"
        cells.append(format_gib(size) + (f" ({sign}{abs(change):.1f})" if abs(change) >= 0.05 else ""))
    return cells


def fits_word(fits: bool | None, lang: Lang) -> str:
    """`✓ yes`, `✗ no`, or a question mark."""
    if fits is None:
        return word("unknown", lang)
    return f"✓ {word('yes', lang)}" if fits else f"✗ {word('no', lang)}"
