"""The remedies as switches in rank order: what each would still save, what it costs, whether the run then fits."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from advisor.facts import Lang
from advisor.tui.switches import Switch
from advisor.tui.widgets.options import Options
from advisor.units import format_gib
from advisor.wording import word

SAVES, TIME, RISK, FITS = 10, 7, 8, 8


class RemedyOptions(Options):
    """Space or Enter switches, left and right change the setting; moving the cursor shows why."""

    BINDINGS = [  # noqa: RUF012 - Textual's class variable
        Binding("space", "select", "tui.bar.switch"),
        Binding("right,plus", "stronger", "tui.bar.setting", key_display="←→"),
        Binding("left,minus", "milder", show=False),
        Binding("l", "jump", show=False),
    ]

    class Strengthened(Message):
        """The person wants the remedy's next stronger (1) or milder (-1) setting."""

        def __init__(self, remedy: str, by: int) -> None:
            super().__init__()
            self.remedy = remedy
            self.by = by

    class Jump(Message):
        """The person wants to see the first line that the remedy's rules rest on."""

        def __init__(self, remedy: str) -> None:
            super().__init__()
            self.remedy = remedy

    def current(self) -> str:
        """The remedy under the cursor; empty when the list is empty."""
        if self.highlighted is None or not self.option_count:
            return ""
        return self.get_option_at_index(self.highlighted).id or ""

    def action_stronger(self) -> None:
        self._strengthen(1)

    def action_milder(self) -> None:
        self._strengthen(-1)

    def _strengthen(self, by: int) -> None:
        if remedy := self.current():
            self.post_message(self.Strengthened(remedy, by))

    def action_jump(self) -> None:
        if remedy := self.current():
            self.post_message(self.Jump(remedy))


class RemedyList(Vertical):
    """Column heads, the switches, and a line that sums up what is on."""

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

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._switches: Sequence[Switch] = ()
        self._lang: Lang = "en"
        self._empty = ""

    def compose(self) -> ComposeResult:
        yield Static(id="remedy-head")
        yield RemedyOptions(id="remedy-options")
        yield Static(id="remedy-sum")

    @property
    def options(self) -> RemedyOptions:
        return self.query_one(RemedyOptions)

    def current(self) -> str:
        """The remedy under the cursor; empty when the list is empty."""
        return self.options.current()

    @property
    def count(self) -> int:
        """How many remedies are listed."""
        return len(self._switches)

    def show(self, switches: Sequence[Switch], summary: str, lang: Lang, empty: str = "") -> None:
        """Fills the list and keeps the cursor on its remedy."""
        self._switches, self._lang, self._empty = switches, lang, empty
        self.query_one("#remedy-sum", Static).update(Text(summary, style="bold", no_wrap=True, overflow="ellipsis"))
        self._fill()

    def on_resize(self, event: events.Resize) -> None:
        self._fill()

    def _fill(self) -> None:
        options, width = self.options, self.size.width - 3
        if width <= 0:
            return
        head = self.query_one("#remedy-head", Static)
        if not self._switches:
            options.clear_options()
            head.update(Text(self._empty, style="dim"))
            return
        head.update(self._head(width))
        at = options.highlighted or 0
        prompts = [self._line(switch, width) for switch in self._switches]
        ids = [switch.id for switch in self._switches]
        if [options.get_option_at_index(index).id for index in range(options.option_count)] == ids:
            for index, prompt in enumerate(prompts):
                options.replace_option_prompt_at_index(index, prompt)
            return
        options.clear_options()
        options.add_options([Option(prompt, id=name) for prompt, name in zip(prompts, ids, strict=True)])
        options.highlighted = min(at, len(ids) - 1)

    def _room(self, width: int) -> int:
        return max(12, width - 7 - SAVES - TIME - RISK - FITS)

    def _head(self, width: int) -> Text:
        lang = self._lang
        text = Text(" " + set_cell_size("", 7), style="dim", no_wrap=True)
        text.append(set_cell_size(word("column.remedy", lang), self._room(width)))
        for key, size in (("saves", SAVES), ("time", TIME), ("risk_short", RISK), ("fits", FITS)):
            text.append(_right(word(f"column.{key}", lang), size))
        return text

    def _line(self, switch: Switch, width: int) -> Text:
        lang, room = self._lang, self._room(width)
        text = Text("[x] " if switch.on else "[ ] ", no_wrap=True, style="bold" if switch.on else "")
        text.append(f"{switch.rank or '+':>2} ", "dim")
        title = _cut(switch.title, room)
        text.append(title, "dim" if switch.blocked else "")
        strength = f" {switch.strength}/{switch.settings}" if switch.on and switch.settings > 1 else ""
        notes = (
            [switch.setting + strength, switch.short + strength, switch.short, strength.strip()]
            if not switch.blocked
            else [word("tui.blocked", lang)]
        )
        note = next((note for note in notes if note and cell_len(note) + 2 <= room - cell_len(title)), "")
        text.append(f"  {note}" if note else "", "dim")
        text.append(" " * max(0, 7 + room - text.cell_len))
        saves = "" if switch.saves is None else _signed(-switch.saves)
        text.append(_right(saves, SAVES), "not bold" if switch.on else "bold")
        change = round((switch.time - 1) * 100)
        text.append(_right(f"{change:+d} %" if change else "=", TIME), "not bold")
        text.append(_right("" if switch.risk == "none" else word(f"risk.{switch.risk}", lang), RISK), "not bold")
        fits = "" if switch.fits is None else "✓" if switch.fits else "✗"
        return text.append(_right(fits, FITS), "bold")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if event.option_id:
            self.post_message(self.Toggled(event.option_id))

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        if event.option_id:
            self.post_message(self.Looked(event.option_id))


def _signed(gib: float) -> str:
    if abs(gib) < 0.005:
        return "0"
    return f"{'+' if gib > 0 else '-'}{format_gib(abs(gib))}"


def _right(text: str, size: int) -> str:
    return " " * max(0, size - cell_len(text)) + text


def _cut(text: str, size: int) -> str:
    return text if cell_len(text) <= size else set_cell_size(text, size - 1).rstrip() + "…"
