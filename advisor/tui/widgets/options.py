"""A list of options that pages can be turned in at any time."""

from __future__ import annotations

import contextlib

from textual.widgets import OptionList


class Options(OptionList):
    """Textual 8.2 looks a page up in lines that it has not laid out yet when keys follow fast; then nothing moves."""

    def action_page_up(self) -> None:
        """One page up."""
        with contextlib.suppress(KeyError):
            super().action_page_up()  # type: ignore[no-untyped-call]

    def action_page_down(self) -> None:
        """One page down."""
        with contextlib.suppress(KeyError):
            super().action_page_down()  # type: ignore[no-untyped-call]
