"""The field that opens on a fact's row and states it, with the cards, models, frameworks and choices that match what is typed."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from advisor.errors import FactError
from advisor.facts import Lang, check_fact, spec_of
from advisor.library import Library
from advisor.tui.safe import printable
from advisor.tui.screens.dialog import Dialog
from advisor.tui.widgets.options import Options
from advisor.wording import word

MAX_OFFERED = 40
HEIGHT = 14  # of the dialog with its list, until it is laid out
_SEPARATORS = str.maketrans("", "", "-_/. ")


def completions(fact: str, library: Library) -> Sequence[str]:
    """The values that are offered for a fact; empty when it is open."""
    if fact == "gpu_name":
        return sorted(library.gpus, key=lambda name: library.gpus[name].vendor != "nvidia")  # what most people have
    if fact in ("model", "hf_id"):
        ids = [model.hf_id for model in library.models.values() if model.hf_id]
        return ids if fact == "hf_id" else list(dict.fromkeys([*library.models, *ids]))
    if fact == "framework":
        return list(library.frameworks)
    spec = spec_of(fact)
    return ["true", "false"] if spec.kind == "bool" else list(spec.choices)


def matching(query: str, values: Sequence[str]) -> list[str]:
    """The values that fit what is typed, the best first: those that begin with it, that hold it, that hold all of its words.

    >>> matching("qwen 7b", ["Qwen/Qwen2.5-7B", "Qwen/Qwen2.5-72B", "meta-llama/Llama-2-7b"])
    ['Qwen/Qwen2.5-7B']
    """
    words = [word.translate(_SEPARATORS) for word in query.lower().split()]
    if not any(words):
        return list(values[:MAX_OFFERED])
    joined = "".join(words)
    ranked: list[tuple[int, int, int, str]] = []
    for index, value in enumerate(values):
        plain = value.lower().translate(_SEPARATORS)
        if not all(word in plain for word in words):
            continue
        literal = value.lower().startswith(query.strip().lower())
        place = 0 if literal else 1 if plain.startswith(joined) else 2 if joined in plain else 3
        ranked.append((place, len(plain), index, value))
    return [value for *_, value in sorted(ranked)[:MAX_OFFERED]]


class EditFact(Dialog[str | None]):
    """Asks for a value; gives the text back, an empty one to take the statement back, or None when left with Esc."""

    BINDINGS = [  # noqa: RUF012 - Textual's class variable
        ("escape", "leave", "tui.bar.close"),
    ]

    def __init__(self, fact: str, value: str, library: Library, lang: Lang, row: int = 0) -> None:
        super().__init__()
        self._fact, self._value, self._lang, self._row = fact, value, lang, row
        self._values = completions(fact, library)
        self._shown: list[str] = []  # what the list offers; the field may be ahead of it

    def compose(self) -> ComposeResult:
        spec = spec_of(self._fact)
        with Vertical(classes="dialog at-row") as dialog:
            dialog.border_title = self._fact
            yield Static(spec.describe(self._lang), markup=False)
            yield Input(self._value, id="value", select_on_focus=True)
            if self._values:
                yield Options(id="offered")
            yield Static("", id="problem", markup=False)
            key = "tui.edit_help_list" if self._values else "tui.edit_help"
            yield Static(word(key, self._lang), classes="hint", markup=False)

    def on_mount(self) -> None:
        dialog = self.query_one(Vertical)
        dialog.styles.offset = (1, max(0, min(self._row, self.size.height - HEIGHT)))
        self._offer("")
        self.call_after_refresh(self._place, dialog)

    def _place(self, dialog: Vertical) -> None:
        """At its row, but whole on the screen, now that its height is known."""
        dialog.styles.offset = (1, max(0, min(self._row, self.size.height - dialog.outer_size.height)))

    def on_input_changed(self, event: Input.Changed) -> None:
        self.query_one("#problem", Static).update("")
        self._offer("" if event.value == self._value else event.value)

    def _offer(self, query: str) -> None:
        if self._values:
            offered = self.query_one("#offered", OptionList)
            self._shown = matching(query, self._values)
            offered.clear_options()
            offered.add_options([Option(Text(printable(value))) for value in self._shown])
            offered.display = offered.option_count > 0

    def on_key(self, event: events.Key) -> None:
        if not self._values or event.key not in ("up", "down", "tab"):
            return
        offered = self.query_one("#offered", OptionList)
        event.stop()
        event.prevent_default()
        if not self._shown:
            return
        if event.key == "tab":
            self._fill(self._picked() or 0)
        elif event.key == "down":
            offered.action_cursor_down() if offered.highlighted is not None else offered.action_first()
        else:
            offered.action_cursor_up()

    def _picked(self) -> int | None:
        picked = self.query_one("#offered", OptionList).highlighted if self._values else None
        return picked if picked is not None and picked < len(self._shown) else None

    def _fill(self, index: int) -> None:
        field = self.query_one("#value", Input)
        field.value = self._shown[index]
        field.cursor_position = len(field.value)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if event.option_index < len(self._shown):
            self._state(self._shown[event.option_index])

    def on_input_submitted(self, event: Input.Submitted) -> None:
        picked = self._picked()
        self._state(self._shown[picked] if picked is not None else event.value.strip())

    def _state(self, text: str) -> None:
        if text:
            try:
                check_fact(self._fact, text)
            except FactError as error:
                self.query_one("#problem", Static).update(f"{error.message}. {error.hint}")
                return
        self.dismiss(text)

    def action_leave(self) -> None:
        self.dismiss(None)
