"""The facts: what was read with its line, what was stated, what is unknown with what knowing it would change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len, set_cell_size
from rich.text import Text
from textual.binding import Binding
from textual.coordinate import Coordinate
from textual.message import Message
from textual.widgets import DataTable

from advisor.facts import FactValue, Lang
from advisor.report import Diagnosis
from advisor.tui.safe import printable
from advisor.tui.switches import plain
from advisor.vocabulary import DESCRIBABLE, VOCABULARY
from advisor.wording import word

MAX_VALUE, MIN_VALUE = 44, 12
FRAME = 11  # columns of the mark, of the padding and of the scroll bar
# How a fact is known, in a word of one character that also tells without colour.
READ, STATED, ASKED, ASSUMED, UNKNOWN = "●", "✎", "?", "~", " "


class FactsTable(DataTable[Text]):
    """One row a fact. Enter edits it, `l` jumps to the line that it came from, Delete takes a statement back."""

    BINDINGS = [  # noqa: RUF012 - Textual's class variable
        Binding("enter", "select_cursor", "tui.bar.edit"),
        Binding("l", "jump", "tui.bar.line"),
        Binding("delete,backspace", "forget", "tui.bar.forget"),
    ]

    class Edit(Message):
        """The person wants to state this fact; the row stands at `row` of the screen."""

        def __init__(self, fact: str, row: int) -> None:
            super().__init__()
            self.fact = fact
            self.row = row

    class Jump(Message):
        """The person wants to see the line; 0 where the fact has none."""

        def __init__(self, line: int) -> None:
            super().__init__()
            self.line = line

    class Forget(Message):
        """The person takes a statement back."""

        def __init__(self, fact: str) -> None:
            super().__init__()
            self.fact = fact

    class Looked(Message):
        """The cursor stands on a fact."""

        def __init__(self, fact: str) -> None:
            super().__init__()
            self.fact = fact

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, cursor_type="row", zebra_stripes=False)
        self._lines: dict[str, int] = {}
        self._read = False
        self._shown: tuple[Diagnosis | None, Mapping[str, FactValue], Mapping[str, str], Lang] | None = None
        self._width = 0

    def show(
        self, report: Diagnosis | None, stated: Mapping[str, FactValue], moves: Mapping[str, str], lang: Lang
    ) -> None:
        """Fills the table: known facts first, then what is worth knowing, then what was assumed, then the rest that can be stated.

        Args:
            moves: for unknown facts, what knowing them would change.
        """
        self._shown = (report, stated, moves, lang)
        at, top = (self.selected_fact(), self.scroll_y) if self._read else ("", 0)
        self._read = report is not None
        self.clear(columns=True)
        self.add_column(" ", key="how")
        for key in ("fact", "value", "origin"):
            self.add_column(word(f"tui.column.{key}", lang), key=key)
        facts: dict[str, FactValue] = {**(report.facts if report else {}), **stated}
        assumed = dict(report.estimate.assumed) if report and report.estimate else {}
        self._lines = {}
        for item in report.evidence if report else ():
            if item.used and item.line:
                self._lines.setdefault(item.fact, item.line)
        known = sorted(facts, key=lambda name: name in VOCABULARY and VOCABULARY[name].group == "message")
        rows: list[tuple[str, str, str, str, str]] = []
        for name in dict.fromkeys([*known, *moves, *assumed, *DESCRIBABLE]):
            if name not in VOCABULARY:
                continue
            how, value, origin, style = UNKNOWN, "", "", "dim"
            if name in stated:
                how, origin, style = STATED, word("tui.stated", lang), "bold"
            elif name in facts:
                line = self._lines.get(name, 0)
                how, style = READ, ""
                origin = word("line", lang, line=line) if line else word("tui.derived", lang)
            elif name in moves:
                how, style = ASKED, "bold"
                origin = moves[name] if name not in assumed else f"{word('tui.assumed', lang)}; {moves[name]}"
            elif name in assumed:
                how, origin = ASSUMED, word("tui.assumed", lang)
            found = facts.get(name, assumed.get(name))
            value = "" if found is None else printable(plain(found))
            rows.append((how, name, value, origin, style))
        room = self._room(rows)
        for how, name, value, origin, style in rows:
            shown = value if cell_len(value) <= room else set_cell_size(value, room - 1) + "…"
            self.add_row(*(Text(cell, style=style) for cell in (how, name, shown, origin)), key=name)
        if self.row_count:
            row = self.get_row_index(at) if at in self.rows else 0
            self.move_cursor(row=row, scroll=False)
            self.scroll_to(y=top, animate=False)

    def _room(self, rows: Sequence[tuple[str, str, str, str, str]]) -> int:
        """How long a value may be, so that the place it came from stays on the screen."""
        self._width = self.size.width
        names, origins = (
            max((cell_len(row[index]) for row in rows if row[0] != UNKNOWN), default=0) for index in (1, 3)
        )
        return max(MIN_VALUE, min(MAX_VALUE, (self._width or MAX_VALUE * 4) - names - origins - FRAME))

    def on_resize(self) -> None:
        if self._shown is not None and self._width != self.size.width:
            self.show(*self._shown)

    def selected_fact(self) -> str:
        """The fact under the cursor; empty when there is none."""
        if not self.row_count or self.cursor_row >= self.row_count:
            return ""
        return str(self.coordinate_to_cell_key(Coordinate(self.cursor_row, 0)).row_key.value or "")

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        fact = str(event.row_key.value or "")
        if fact:
            row = self.region.y + 1 + event.cursor_row - round(self.scroll_y)
            self.post_message(self.Edit(fact, row))

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        self.post_message(self.Looked(self.selected_fact()))

    def action_jump(self) -> None:
        if self.selected_fact():
            self.post_message(self.Jump(self._lines.get(self.selected_fact(), 0)))

    def action_forget(self) -> None:
        fact = self.selected_fact()
        if fact:
            self.post_message(self.Forget(fact))
