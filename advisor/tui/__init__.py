"""The terminal interface. `make_app` is the one factory: the command line, the tests and the demo use it."""

from __future__ import annotations

from pathlib import Path

from advisor.facts import Lang
from advisor.library import Library
from advisor.tui.app import AdvisorApp
from advisor.tui.session import Session


def make_app(
    *,
    text: str = "",
    path: Path | None = None,
    library: Library | None = None,
    lang: Lang | None = None,
    dark: bool = True,
) -> AdvisorApp:
    """The app, ready to run.

    Args:
        text: a log or description to begin with.
        path: a file to open instead.
        lang: the language of the screen; None follows the text.
        dark: the colours to begin with.
    """
    session = Session(library, lang)
    session.text = text
    return AdvisorApp(session, path, dark=dark)
