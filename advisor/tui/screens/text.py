"""A page of text over the screen: help, a comparison of scenarios."""

from __future__ import annotations

from rich.console import RenderableType
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from advisor.tui.screens.dialog import Dialog


class TextPage(Dialog[None]):
    """Shows something and goes away with Esc, Enter, q or a click beside it."""

    BINDINGS = [("escape,enter,q", "leave", "tui.bar.close")]  # noqa: RUF012 - Textual's class variable

    def __init__(self, content: RenderableType, title: str, hint: str) -> None:
        super().__init__()
        self._content, self._title, self._hint = content, title, hint

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="page") as page:
            page.border_title = self._title
            page.border_subtitle = self._hint
            yield Static(self._content)

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()

    def on_click(self, event: object) -> None:
        if self.app.mouse_over is self:
            self.dismiss(None)

    def action_leave(self) -> None:
        self.dismiss(None)
