"""The remedies as switches in rank order, with what each saves, costs, and whether it fits alone."""

from __future__ import annotations

from collections.abc import Collection

from rich.text import Text
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from advisor.facts import Lang
from advisor.report import Diagnosis, RemedyReport
from advisor.units import format_gib
from advisor.wording import word


class RemedyList(OptionList):
    """Space or Enter switches; moving the cursor shows why."""

    BINDINGS = [("space", "select", "Switch")]  # noqa: RUF012 - Textual's class variable

    class Toggled(Message):
        """A remedy was switched."""

        def __init__(self, remedy: str) -> None:
            super().__init__()
            self.remedy = remedy

    class Looked(Message):
        """The cursor stands on a remedy."""

        def __init__(self, remedy: str) -> None:
            super().__init__()
            self.remedy = remedy

    def show(self, report: Diagnosis | None, chosen: Collection[str], lang: Lang) -> None:
        """Fills the list and keeps the cursor where it was."""
        at = self.highlighted
        options = (
            [Option(self._line(remedy, remedy.id in chosen, lang), id=remedy.id) for remedy in report.remedies]
            if report
            else []
        )
        self.clear_options()
        self.add_options(options)
        if options:
            self.highlighted = min(at or 0, len(options) - 1)

    @staticmethod
    def _line(remedy: RemedyReport, on: bool, lang: Lang) -> Text:
        text = Text("[x] " if on else "[ ] ", style="bold green" if on else "")
        text.append(f"{remedy.rank:2} ", style="dim")
        text.append(remedy.title, style="bold")
        notes = []
        if remedy.saves is not None:
            notes.append(f"-{format_gib(max(0.0, remedy.saves.expected))}")
        change = round((remedy.time_cost - 1) * 100)
        if change:
            notes.append(f"{word('column.time', lang)} {change:+d} %")
        if remedy.quality_risk != "none":
            notes.append(f"{word('column.risk', lang)} {word(f'risk.{remedy.quality_risk}', lang)}")
        if remedy.fits:
            notes.append(f"{word('column.fits', lang)} ✓")
        if notes:
            text.append("  " + ", ".join(notes), style="not bold dim")
        return text

    def current(self) -> str:
        """The remedy under the cursor; empty when the list is empty."""
        if self.highlighted is None or not self.option_count:
            return ""
        return self.get_option_at_index(self.highlighted).id or ""

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if event.option_id:
            self.post_message(self.Toggled(event.option_id))

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        if event.option_id:
            self.post_message(self.Looked(event.option_id))
