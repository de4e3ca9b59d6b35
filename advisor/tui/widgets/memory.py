"""The memory view: stacked bars of scenarios on one scale against the card's line, the phases of a step, or the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct
from rich.cells import cell_len, set_cell_size
from rich.text import Text
from textual.widgets import Static

from advisor.diagnosis.scenario import Scenario
from advisor.facts import Lang
from advisor.tui.chart import Run, bar, block, colour, line_place, ordered
from advisor.tui.tables import numbers_table, size_word
from advisor.units import format_gib
from advisor.wording import WORDS, word

Mode = Literal["bars", "phases", "numbers"]
MAX_LABEL = 24
CRUMB = 0.01  # of the scale


class Row(Struct, frozen=True):
    """A scenario with the word for it."""

    label: str
    scenario: Scenario


class MemoryView(Static):
    """Shows rows of scenarios; `mode` picks bars, phases or numbers."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows: Sequence[Row] = ()
        self._card = ""
        self._lang: Lang = "en"
        self._scale = 1.0
        self._empty = ""
        self._compared: Scenario | None = None
        self.mode: Mode = "bars"

    def show(
        self,
        rows: Sequence[Row],
        card: str,
        lang: Lang,
        *,
        correction: float = 1.0,
        empty: str = "",
        after: Scenario | None = None,
    ) -> None:
        """Shows these scenarios.

        Args:
            card: the card's name.
            correction: by how much the message raised the estimate.
            empty: what to say where there is nothing to show.
            after: the scenario that the phases are compared with; without it the second row.
        """
        self._compared = after
        self._rows = [row for row in rows if row.scenario.estimate is not None]
        self._card, self._lang, self._scale, self._empty = card, lang, correction, empty
        self.redraw()

    def set_mode(self, mode: Mode) -> None:
        """Shows bars, phases or numbers; the same mode again goes back to the bars."""
        self.mode = "bars" if mode == self.mode else mode
        self.redraw()

    def on_resize(self) -> None:
        self.redraw()

    def redraw(self) -> None:
        """Draws again, after a change of size, language, colours or switches."""
        width = self.size.width
        if width <= 0:
            return
        if not self._rows:
            self.update(Text(self._empty, style="dim"))
        elif self.mode == "numbers":
            self.update(numbers_table([(row.label, row.scenario) for row in self._rows], self._lang, width))
        elif self.mode == "phases" and any(row.scenario.estimate.phases for row in self._rows if row.scenario.estimate):
            self.update(Text("\n").join(self._phases(width)))
        else:
            self.update(Text("\n").join(self._bars(width)))

    @property
    def _dark(self) -> bool:
        return self.app.current_theme.dark

    def _bars(self, width: int) -> list[Text]:
        capacity = self._rows[0].scenario.capacity_gib
        parts = _without_crumbs([row.scenario.parts() for row in self._rows], capacity)
        order = ordered(parts)
        scale = max(
            [capacity or 0.0, *(row.scenario.interval()[1] for row in self._rows), *(sum(p.values()) for p in parts)]
        )
        labels = [row.label for row in self._rows]
        left = min(MAX_LABEL, max(map(cell_len, labels))) + 1
        notes = [self._note(row.scenario, capacity, wide=width >= 100) for row in self._rows]
        right = max(note.cell_len for note in notes) + 1
        cells = max(10, width - left - right)
        lines = []
        for row, gib, note in zip(self._rows, parts, notes, strict=True):
            line = Text(set_cell_size(row.label, left), style="bold", no_wrap=True)
            for run in bar(gib, order, row.scenario.interval(), capacity, scale, cells):
                line.append(run.text, self._style(run, order))
            note.pad_left(right - note.cell_len)
            lines.append(line.append_text(note))
        if capacity is not None:
            place = left + line_place(capacity, scale, cells)
            lines.append(self._axis(capacity, place, width))
        lines += self._legend(order, parts[0], width)
        if self._scale != 1.0:
            lines.append(Text(word("tui.corrected", self._lang, factor=f"{self._scale:.2f}"), style="dim"))
        return lines

    def _note(self, scenario: Scenario, capacity: float | None, *, wide: bool) -> Text:
        total = sum(scenario.parts().values())
        note = Text(f"{format_gib(total):>8}", style="not bold")
        if wide:
            low, high = scenario.interval()
            note.append(f" ({format_gib(low)} ~ {format_gib(high)})", "not bold dim")
        if capacity is None:
            return note
        over = total - capacity
        if over > 0:
            text, style = word("tui.over", self._lang, gib=format_gib(over)), "red"
        elif scenario.fits:
            text, style = "✓ " + word("tui.left", self._lang, gib=format_gib(-over)), "green"
        else:
            text, style = word("tui.tight", self._lang, gib=format_gib(-over)), "yellow"
        return note.append("  ").append(text, f"not bold {self._word_colour(style)}")

    def _word_colour(self, name: str) -> str:
        dark = {"red": "#ff8787", "green": "#87d787", "yellow": "#ffd75f"}
        light = {"red": "#af0000", "green": "#005f00", "yellow": "#875f00"}
        return (dark if self._dark else light)[name]

    def _style(self, run: Run, order: Sequence[str]) -> str:
        if run.kind in order:
            return f"not bold {colour(order.index(run.kind), dark=self._dark)}"
        under = ""
        if run.part in order:
            under = f" on {colour(order.index(run.part), dark=self._dark)}"
        ink = ("black" if self._dark else "white") if under else ("white" if self._dark else "black")
        if run.kind == "limit":
            return f"bold {ink}{under}"
        return f"not bold {ink}{under}" if run.kind == "interval" else "not bold dim"

    def _axis(self, capacity: float, place: int, width: int) -> Text:
        label = word("capacity_line", self._lang, card=self._card, capacity=format_gib(capacity))
        if place + 2 + cell_len(label) <= width:
            return Text(" " * place + "┗ " + label, style="bold", no_wrap=True)
        return Text(" " * max(0, place - 1 - cell_len(label)) + label + " ┛", style="bold", no_wrap=True)

    def _legend(self, order: Sequence[str], parts: dict[str, float], width: int) -> list[Text]:
        lines = [Text(no_wrap=True)]
        for index, name in enumerate(order):
            entry = Text(block(index), style=colour(index, dark=self._dark))
            entry.append(f" {word(f'component.{name}', self._lang)} {size_word(parts.get(name, 0.0))}", "default")
            if lines[-1].cell_len and lines[-1].cell_len + 2 + entry.cell_len > width:
                lines.append(Text(no_wrap=True))
            lines[-1].append("  " if lines[-1].cell_len else "").append_text(entry)
        return lines

    def _phases(self, width: int) -> list[Text]:
        first, last = self._rows[0].scenario, self._after()
        before = dict(first.estimate.phases) if first.estimate else {}
        after = dict(last.scenario.estimate.phases) if last and last.scenario.estimate else {}
        capacity = first.capacity_gib
        scale = max([capacity or 0.0, *before.values(), *after.values()])
        names = list(dict.fromkeys([*before, *after]))
        labels = {name: _phase(name, self._lang) for name in names}
        left = max(map(cell_len, labels.values())) + 1
        right = 22 if last else 10
        cells = max(10, width - left - right)
        title = word("tui.phases", self._lang)
        lines = [
            Text(
                title if last is None else f"{title}: {self._rows[0].label} → {last.label}", style="bold", no_wrap=True
            )
        ]
        ink = colour(0, dark=self._dark)
        for name in names:
            old, new = before.get(name, 0.0), after.get(name, before.get(name, 0.0))
            line = Text(set_cell_size(labels[name], left), no_wrap=True)
            kept = {"after": min(old, new), "saved": max(0.0, old - new), "more": max(0.0, new - old)}
            for run in bar(kept, ("after", "saved", "more"), (0, 0), capacity, scale, cells):
                char = {"after": "█", "saved": "░", "more": "▓"}.get(run.kind, run.text[:1]) * len(run.text)
                line.append(
                    char, f"bold on {ink}" if run.kind == "limit" and run.part else ink if run.kind in kept else ""
                )
            text = format_gib(old) if last is None else f"{format_gib(old)} → {format_gib(new)}"
            lines.append(line.append(f"{text:>{right - 1}}"))
        if capacity is not None:
            lines.append(self._axis(capacity, left + line_place(capacity, scale, cells), width))
        return lines

    def _after(self) -> Row | None:
        second = self._rows[1] if len(self._rows) > 1 else None
        return next((row for row in self._rows[1:] if row.scenario is self._compared), second)


def _without_crumbs(bars: Sequence[dict[str, float]], capacity: float | None) -> list[dict[str, float]]:
    """The bars with what is too small to be seen in any of them taken together as the rest."""
    floor = CRUMB * max([capacity or 0.0, *(sum(parts.values()) for parts in bars)])
    small = {name for parts in bars for name in parts} - {
        name for parts in bars for name, gib in parts.items() if gib >= floor
    }
    if len(small) < 2:
        return list(bars)
    joined = []
    for parts in bars:
        kept = {name: gib for name, gib in parts.items() if name not in small}
        joined.append({**kept, "rest": sum(gib for name, gib in parts.items() if name in small)})
    return joined


def _phase(name: str, lang: Lang) -> str:
    key = f"phase_name.{name}"
    return word(key if key in WORDS else f"phase.{name}", lang)
