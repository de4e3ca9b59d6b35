"""The memory view: stacked bars for now, for what is switched on, and for the plan, against the card's line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from rich.console import Group, RenderableType
from rich.text import Text
from textual.widgets import Static

from advisor.facts import Lang
from advisor.render.bars import BLOCKS, COLOURS, stacked
from advisor.units import format_gib
from advisor.wording import word


class Bar(Struct, frozen=True):
    """One bar: its label, its parts in GiB by component id, the interval's ends, and the peak of each phase."""

    label: str
    parts: Mapping[str, float]
    low: float
    high: float
    phases: Mapping[str, float]

    @property
    def total(self) -> float:
        return sum(self.parts.values())


class MemoryView(Static):
    """Bars of the same scale below each other; `show_phases` adds the peaks of the first bar by phase."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._bars: Sequence[Bar] = ()
        self._capacity: float | None = None
        self._card = ""
        self._lang: Lang = "en"
        self.show_phases = False
        self.show_numbers = True

    def set_bars(self, bars: Sequence[Bar], capacity: float | None, card: str, lang: Lang) -> None:
        """Shows these bars; all share the scale of the largest total or the capacity."""
        self._bars, self._capacity, self._card, self._lang = bars, capacity, card, lang
        self.redraw()

    def on_resize(self) -> None:
        self.redraw()

    def redraw(self) -> None:
        """Draws again, after a change of size, language or switches."""
        if not self._bars:
            self.update(Text(word("tui.no_estimate", self._lang), style="dim"))
            return
        width = max(20, self.size.width - 2)
        order = self._order()
        largest = max([bar.total for bar in self._bars] + [self._capacity or 0.0])
        rows: list[RenderableType] = []
        for bar in self._bars:
            rows += self._rows(bar, order, width, largest)
        rows.append(self._legend(order))
        if self.show_phases:
            rows += self._phases(width)
        self.update(Group(*rows))

    def _order(self) -> list[str]:
        sizes: dict[str, float] = {}
        for bar in self._bars:
            for name, gib in bar.parts.items():
                sizes[name] = max(sizes.get(name, 0.0), gib)
        return [name for name, gib in sorted(sizes.items(), key=lambda item: -item[1]) if gib >= 0.005]

    def _rows(self, bar: Bar, order: Sequence[str], width: int, largest: float) -> list[RenderableType]:
        head = Text(bar.label, style="bold")
        head.append(f"  {format_gib(bar.total)}", style="bold")
        head.append(f" ({format_gib(bar.low)} ~ {format_gib(bar.high)})", style="not bold dim")
        if self._capacity is not None:
            over = bar.total - self._capacity
            key, style = ("tui.over", "red") if over > 0 else ("tui.left", "green")
            head.append("  " + word(key, self._lang, gib=format_gib(abs(over))), style=f"not bold {style}")
        line = Text()
        # A hidden part up to the largest total keeps all bars on one scale.
        sizes = [bar.parts.get(name, 0.0) for name in order]
        cells = max(10, round(width * max(bar.total, self._capacity or 0.0) / largest)) if largest else width
        for segment in stacked(sizes, self._capacity, cells):
            style = (
                "bold" if segment.part == -2 else "dim" if segment.part < 0 else COLOURS[segment.part % len(COLOURS)]
            )
            line.append(segment.char * segment.cells, style=style)
        return [head, line]

    def _legend(self, order: Sequence[str]) -> Text:
        legend = Text()
        for index, name in enumerate(order):
            legend.append(BLOCKS[index % len(BLOCKS)], style=COLOURS[index % len(COLOURS)])
            label = " " + word(f"component.{name}", self._lang)
            if self.show_numbers:
                label += " " + format_gib(self._bars[0].parts.get(name, 0.0))
            legend.append(label.replace(" ", "\u00a0") + "   ")
        if self._capacity is not None:
            legend.append("▏", style="bold")
            line = word("capacity_line", self._lang, card=self._card, capacity=format_gib(self._capacity))
            legend.append(line.replace(" ", "\u00a0"))
        return legend

    def _phases(self, width: int) -> list[RenderableType]:
        phases = self._bars[0].phases
        if not phases:
            return []
        rows: list[RenderableType] = [Text("\n" + word("tui.phases", self._lang), style="bold")]
        scale = max([*phases.values(), self._capacity or 0.0])
        for name, gib in phases.items():
            label = word(f"phase.{name}", self._lang)
            cells = round((width - 46) * gib / scale) if scale and width > 60 else round((width - 30) * gib / scale)
            rows.append(Text(f"{label[:30]:30} {format_gib(gib):>9} " + "█" * max(1, cells)))
        return rows
