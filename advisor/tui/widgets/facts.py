"""The facts: what was read with the line it came from, what was stated, and what is unknown but worth knowing."""

from __future__ import annotations

from rich.text import Text
from textual.message import Message
from textual.widgets import DataTable

from advisor.facts import FactValue, Lang
from advisor.report import Diagnosis
from advisor.vocabulary import DESCRIBABLE, VOCABULARY
from advisor.wording import word


class FactsTable(DataTable[Text]):
    """One row a fact. Enter edits it, `l` jumps to the line that it came from."""

    BINDINGS = [("l", "jump", "Line")]  # noqa: RUF012 - Textual's class variable

    class Edit(Message):
        """The person wants to state this fact."""

        def __init__(self, fact: str) -> None:
            super().__init__()
            self.fact = fact

    class Jump(Message):
        """The person wants to see the line."""

        def __init__(self, line: int) -> None:
            super().__init__()
            self.line = line

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, cursor_type="row", zebra_stripes=False)
        self._lines: dict[str, int] = {}

    def show(self, report: Diagnosis | None, stated: dict[str, FactValue], lang: Lang) -> None:
        """Fills the table: known facts first, then what the report asks for, then the rest that can be stated."""
        row = self.cursor_row
        self.clear(columns=True)
        for key in ("fact", "value", "origin"):
            self.add_column(word(f"tui.column.{key}", lang), key=key)
        facts = dict(report.facts) if report else {}
        assumed = dict(report.estimate.assumed) if report and report.estimate else {}
        asked = {question.fact: question.why for question in report.questions} if report else {}
        self._lines = (
            {item.fact: item.line for item in reversed(report.evidence) if item.used and item.line} if report else {}
        )
        names = [*facts, *asked, *assumed, *DESCRIBABLE]
        for name in dict.fromkeys(names):
            if name not in VOCABULARY:
                continue
            if name in stated:
                origin, style = word("tui.stated", lang), "bold"
            elif name in facts:
                line = self._lines.get(name, 0)
                origin, style = word("line", lang, line=line) if line else word("tui.derived", lang), ""
            elif name in asked:
                origin, style = asked[name], "yellow"
            elif name in assumed:
                origin, style = word("tui.assumed", lang), "dim"
            else:
                origin, style = "", "dim"
            value = facts.get(name, assumed.get(name, ""))
            cells = (name, _shown(value) if value != "" else "?" if name in asked else "", origin)
            self.add_row(*(Text(cell, style=style) for cell in cells), key=name)
        if self.row_count:
            self.move_cursor(row=min(row, self.row_count - 1))

    def selected_fact(self) -> str:
        """The fact under the cursor; empty when there is none."""
        if not self.row_count:
            return ""
        return str(self.coordinate_to_cell_key(self.cursor_coordinate).row_key.value or "")

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        fact = str(event.row_key.value or "")
        if fact:
            self.post_message(self.Edit(fact))

    def action_jump(self) -> None:
        line = self._lines.get(self.selected_fact(), 0)
        if line:
            self.post_message(self.Jump(line))


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.4g}"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
