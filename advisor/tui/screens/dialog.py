"""What all pages and dialogs have in common: they close once, however fast keys and clicks follow each other."""

from __future__ import annotations

from typing import TypeVar

from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen

Result = TypeVar("Result")


class Dialog(ModalScreen[Result]):
    """A screen over the screen. A second dismissal, by an event that was already on its way, does nothing."""

    def dismiss(self, result: Result | None = None) -> AwaitComplete:
        """Closes with a result, if it is still open."""
        return super().dismiss(result) if self in self.app.screen_stack else AwaitComplete()
