"""The dialog that states one fact, with completion of cards, models and frameworks."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.widgets import Input, Label, Static

from advisor.errors import FactError
from advisor.facts import Lang, check_fact, spec_of
from advisor.library import Library
from advisor.wording import word


def completions(fact: str, library: Library) -> Sequence[str]:
    """The values that are offered for a fact; empty when it is open."""
    if fact == "gpu_name":
        return list(library.gpus)
    if fact in ("model", "hf_id"):
        return list(library.models)
    if fact == "framework":
        return list(library.frameworks)
    spec = spec_of(fact)
    return ["true", "false"] if spec.kind == "bool" else list(spec.choices)


class EditFact(ModalScreen[str | None]):
    """Asks for a value; gives the text back, an empty one to take the statement back, or None when left with Esc."""

    BINDINGS = [("escape", "leave", "Cancel")]  # noqa: RUF012 - Textual's class variable

    def __init__(self, fact: str, value: str, library: Library, lang: Lang) -> None:
        super().__init__()
        self._fact, self._value, self._library, self._lang = fact, value, library, lang

    def compose(self) -> ComposeResult:
        spec = spec_of(self._fact)
        offered = completions(self._fact, self._library)
        with Vertical(classes="dialog"):
            yield Label(f"{self._fact}: {spec.describe(self._lang)}")
            suggester = SuggestFromList(offered, case_sensitive=False) if offered else None
            yield Input(self._value, suggester=suggester, id="value")
            yield Static("", id="problem")
            yield Label(word("tui.edit_help", self._lang), classes="hint")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        text = event.value.strip()
        if text:
            try:
                check_fact(self._fact, text)
            except FactError as error:
                self.query_one("#problem", Static).update(f"{error.message}. {error.hint}".replace("[", "\\["))
                return
        self.dismiss(text)

    def action_leave(self) -> None:
        self.dismiss(None)
