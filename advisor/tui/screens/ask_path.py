"""The dialog that asks for a path: to open a log, or to write a report."""

from __future__ import annotations

from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.suggester import Suggester
from textual.widgets import Input, Static

from advisor.tui.screens.dialog import Dialog

MAX_ENTRIES = 2_000  # of one folder


class PathSuggester(Suggester):
    """Completes the last part of a path by what is in its folder."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        head, _, tail = value.rpartition("/")
        if not tail:
            return None
        folder = Path(f"{head}/" if head or value.startswith("/") else ".").expanduser()
        try:
            for index, entry in enumerate(folder.iterdir()):
                if index >= MAX_ENTRIES:
                    break
                if entry.name.startswith(tail) and entry.name != tail:
                    slash = "/" if entry.is_dir() else ""
                    return value[: len(value) - len(tail)] + entry.name + slash
        except (OSError, RuntimeError, ValueError):
            return None
        return None


class AskPath(Dialog[str | None]):
    """Asks for a path; None when left with Esc or empty."""

    BINDINGS = [("escape", "leave", "tui.bar.close")]  # noqa: RUF012 - Textual's class variable

    def __init__(self, title: str, value: str = "", hint: str = "") -> None:
        super().__init__()
        self._title, self._value, self._hint = title, value, hint

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = self._title
            yield Input(self._value, id="path", suggester=PathSuggester(), select_on_focus=False)
            yield Static(self._hint, classes="hint", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip() or None)

    def action_leave(self) -> None:
        self.dismiss(None)
