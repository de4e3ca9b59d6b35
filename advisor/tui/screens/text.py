"""A page of text over the screen: help, a comparison of two scenarios."""

from __future__ import annotations

from rich.console import RenderableType
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static


class TextPage(ModalScreen[None]):
    """Shows something and goes away with Esc, Enter or q."""

    BINDINGS = [("escape,enter,q", "leave", "Close")]  # noqa: RUF012 - Textual's class variable

    def __init__(self, content: RenderableType) -> None:
        super().__init__()
        self._content = content

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="page"):
            yield Static(self._content)

    def action_leave(self) -> None:
        self.dismiss(None)
