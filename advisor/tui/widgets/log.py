"""The paste: a text area that takes megabytes without a stall, by showing only head and tail of what is large."""

from __future__ import annotations

from textual import events
from textual.message import Message
from textual.widgets import TextArea

LARGE = 200_000  # characters above which a paste is attached instead of shown whole
LONG_LINE = 8_000  # a line above it makes every key slow
HEAD_LINES, TAIL_LINES = 60, 200


class LogArea(TextArea):
    """A text area whose content may be an attachment: `content` is the whole text, the area shows a part of it.

    Posts `Changed` (of TextArea) when typed into and `Attached` when a large text was taken in.
    """

    class Attached(Message):
        """A large text was taken in; `size` in characters, `lines` in lines."""

        def __init__(self, size: int, lines: int) -> None:
            super().__init__()
            self.size = size
            self.lines = lines

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(soft_wrap=False, show_line_numbers=True, id=id, tab_behavior="focus")
        self._whole: str | None = None

    @property
    def content(self) -> str:
        """The whole text, also where only a part of it is shown."""
        return self.text if self._whole is None else self._whole

    @property
    def attached(self) -> bool:
        """Whether only a part of the text is shown."""
        return self._whole is not None

    def set_content(self, text: str) -> None:
        """Replaces the text; what is large is attached and can't be edited here."""
        self._whole = None
        self.read_only = False
        if not _is_large(text):
            self.load_text(text)
            return
        self._whole = text
        shown, lines = _excerpt(text)
        self.load_text(shown)
        self.read_only = True
        self.post_message(self.Attached(len(text), lines))

    def clear_content(self) -> None:
        """Empties the area."""
        self.set_content("")

    def go_to_line(self, number: int) -> None:
        """Moves the cursor to a line of the whole text, if it is shown."""
        row = number - 1
        if self._whole is not None:
            total = self._whole.count("\n") + 1
            if row >= HEAD_LINES:
                hidden = total - HEAD_LINES - TAIL_LINES
                row = row - hidden + 1 if row >= total - TAIL_LINES else HEAD_LINES
        row = max(0, min(row, self.document.line_count - 1))
        self.move_cursor((row, 0), center=True)
        self.cursor_location = (row, 0)

    async def _on_paste(self, event: events.Paste) -> None:
        if self.attached or _is_large(event.text):
            event.stop()
            event.prevent_default()
            before = "" if self.attached else self.text
            self.set_content(f"{before}\n{event.text}" if before.strip() else event.text)
            return
        await super()._on_paste(event)


def _is_large(text: str) -> bool:
    if len(text) > LARGE:
        return True
    return len(text) > LONG_LINE and any(len(line) > LONG_LINE for line in text.split("\n"))


def _excerpt(text: str) -> tuple[str, int]:
    """Head and tail of a text, with long lines cut, and its number of lines."""
    lines = text.split("\n")
    if len(lines) > HEAD_LINES + TAIL_LINES:
        hidden = len(lines) - HEAD_LINES - TAIL_LINES
        shown = [*lines[:HEAD_LINES], f"⋯ {hidden:,} ⋯", *lines[-TAIL_LINES:]]
    else:
        shown = lines
    return "\n".join(line[:LONG_LINE] for line in shown), len(lines)
