"""A list of options that may be clicked, and pages turned in, at any time."""

from __future__ import annotations

import contextlib

from textual import events
from textual.widgets import OptionList


class Options(OptionList):
    """What Textual 8.2 lacks: it looks a page up in lines that it has not laid out yet when keys follow fast; then nothing moves."""

    async def _on_click(self, event: events.Click) -> None:
        """A click that was on its way while the list grew shorter hits nothing."""
        clicked = event.style.meta.get("option")
        if clicked is not None and clicked >= self.option_count:
            event.prevent_default()

    def action_page_up(self) -> None:
        """One page up."""
        with contextlib.suppress(KeyError):
            super().action_page_up()  # type: ignore[no-untyped-call]

    def action_page_down(self) -> None:
        """One page down."""
        with contextlib.suppress(KeyError):
            super().action_page_down()  # type: ignore[no-untyped-call]
