"""What workers post to the screen; they touch nothing on it themselves."""

from __future__ import annotations

from textual.message import Message

from advisor.readers.document import Document
from advisor.tui.session import Session


class Diagnosed(Message):
    """A diagnosis has finished; `found` is None and `error` says why when it went wrong."""

    def __init__(self, found: Session | None, error: str) -> None:
        super().__init__()
        self.found = found
        self.error = error


class Loaded(Message):
    """A file was read; `text` is None and `error` says why when it could not be."""

    def __init__(self, text: str | Document | None, error: str) -> None:
        super().__init__()
        self.text = text
        self.error = error
