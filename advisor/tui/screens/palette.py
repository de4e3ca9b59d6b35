"""The command palette: every action by its name, in the language of the screen, with its key."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from advisor.tui.screens.dialog import Dialog
from advisor.tui.screens.edit_fact import matching
from advisor.tui.widgets.options import Options

MOVES = {"up": "cursor_up", "down": "cursor_down", "pageup": "page_up", "pagedown": "page_down"}


class Palette(Dialog[str | None]):
    """Gives back the action that was picked, None when left with Esc."""

    BINDINGS = [("escape,ctrl+p", "leave", "tui.bar.close")]  # noqa: RUF012 - Textual's class variable

    def __init__(self, commands: Sequence[tuple[str, str, str]], title: str, hint: str, none: str) -> None:
        """Args: commands as title, key and action; the dialog's title and hint; what to say when nothing matches."""
        super().__init__()
        self._commands = {title: (key, action) for title, key, action in commands}
        self._title, self._hint, self._none = title, hint, none
        self._shown: list[str] = []

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog palette") as dialog:
            dialog.border_title = self._title
            yield Input(placeholder=self._hint, id="query")
            yield Options(id="commands")
            yield Static(self._none, id="none", classes="hint", markup=False)

    def on_mount(self) -> None:
        self._filter("")

    def on_input_changed(self, event: Input.Changed) -> None:
        self._filter(event.value)

    def _filter(self, query: str) -> None:
        titles = list(self._commands)
        self._shown = matching(query, titles)
        # Also by what an action is called inside: "language" finds it whatever language its title is in.
        by_action = {action: title for title, (_, action) in self._commands.items()}
        self._shown += [
            by_action[action] for action in matching(query, list(by_action)) if by_action[action] not in self._shown
        ]
        options = self.query_one("#commands", Options)
        options.clear_options()
        width = max(map(cell_len, titles)) + 2
        options.add_options([Option(self._prompt(title, width)) for title in self._shown])
        options.highlighted = 0 if self._shown else None
        options.display = bool(self._shown)
        self.query_one("#none").display = not self._shown

    def _prompt(self, title: str, width: int) -> Text:
        text = Text(title, no_wrap=True)
        return text.append(" " * (width - cell_len(title))).append(self._commands[title][0], "bold")

    def on_key(self, event: events.Key) -> None:
        if event.key in MOVES:
            event.stop()
            event.prevent_default()
            options = self.query_one("#commands", Options)
            getattr(options, f"action_{MOVES[event.key]}")()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self._pick(self.query_one("#commands", Options).highlighted)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._pick(event.option_index)

    def _pick(self, index: int | None) -> None:
        if index is not None and index < len(self._shown):
            self.dismiss(self._commands[self._shown[index]][1])

    def action_leave(self) -> None:
        self.dismiss(None)
