"""The text: an editor for what is short, a viewer for logs of megabytes; both know lines by their original numbers."""

from __future__ import annotations

from collections.abc import Collection

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import TextArea
from textual.widgets.text_area import Selection

from advisor.readers.document import Document
from advisor.tui.safe import plain_lines, printable

LARGE = 120_000  # characters above which a text is viewed instead of edited
LONG_LINE = 4_000  # a line above it makes every key of an editor slow
SHOWN_LINE = 2_000  # characters of a line that the viewer shows


class Pasted(Message):
    """A text was pasted; `text` is all of it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class LogEditor(TextArea):
    """Where a short text is typed and pasted. A paste of several lines is handed to the app, which shows and reads it."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(soft_wrap=False, show_line_numbers=True, id=id, tab_behavior="focus")

    async def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        whole = self.text.strip()
        if "\n" not in event.text.strip() and whole and len(event.text) < LONG_LINE:
            return  # the editor inserts it
        event.prevent_default()
        selected = self.selection.start != self.selection.end
        if whole and not selected and self.selected_text != self.text:
            # In the middle of a description a paste belongs where the cursor stands.
            before = self.get_text_range((0, 0), self.cursor_location)
            after = self.get_text_range(self.cursor_location, self.document.end)
            self.post_message(Pasted(before + event.text + after))
        else:
            self.post_message(Pasted(event.text))


class LogViewer(ScrollView, can_focus=True):
    """Shows lines with their numbers; draws only what is on the screen, so the size of the log does not matter."""

    BINDINGS = [  # noqa: RUF012 - Textual's class variable
        Binding("up,k", "scroll_up", show=False),
        Binding("down,j", "scroll_down", show=False),
        Binding("g", "scroll_home", show=False),
        Binding("G", "scroll_end", show=False),
    ]
    COMPONENT_CLASSES = {"log-number", "log-mark", "log-here"}  # noqa: RUF012 - Textual's class variable

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows: list[str] = []
        self._numbers: list[int] | None = None
        self._marked: frozenset[int] = frozenset()
        self._here = 0

    def show(self, rows: list[str], numbers: list[int] | None = None) -> None:
        """Shows these lines; `numbers` are their numbers where some were left out."""
        self._rows, self._numbers, self._here = rows, numbers, 0
        longest = min(SHOWN_LINE, max(map(len, rows), default=0))
        self.virtual_size = Size(self._gutter() + longest, len(rows))
        self.scroll_to(0, 0, animate=False)
        self.refresh()

    def mark(self, numbers: Collection[int]) -> None:
        """Marks the lines that facts were read from."""
        self._marked = frozenset(numbers)
        self.refresh()

    def go_to(self, number: int) -> None:
        """Brings a line to the middle of the screen and shows it in reverse."""
        row = number - 1
        if self._numbers is not None:
            later = [index for index, one in enumerate(self._numbers) if one >= number]
            row = later[0] if later else len(self._numbers) - 1
        self._here = self._number(row)
        self.scroll_to(0, max(0, row - self.size.height // 2), animate=False)
        self.refresh()

    @property
    def here(self) -> int:
        """The number of the line that was jumped to; 0 for none."""
        return self._here

    def _number(self, row: int) -> int:
        return self._numbers[row] if self._numbers is not None else row + 1

    def _gutter(self) -> int:
        return len(str(self._number(len(self._rows) - 1) if self._rows else 1)) + 3

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        scroll_x, scroll_y = self.scroll_offset
        width, row, base = self.size.width, y + scroll_y, self.rich_style
        if row >= len(self._rows):
            return Strip.blank(width, base)
        number, gutter = self._number(row), self._gutter()
        marked = number in self._marked
        style = base + self._style("log-here" if number == self._here else "log-mark" if marked else "")
        head = f"{number:>{gutter - 2}}{'▸' if marked else ' '} "
        text = Strip([Segment(printable(self._rows[row][:SHOWN_LINE]), style)])
        text = text.crop_extend(scroll_x, scroll_x + max(0, width - gutter), style)
        return Strip([Segment(head, base + self._style("log-number")), *text], width)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(name, partial=True) if name else Style.null()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self.refresh(Region(0, 0, *self.size))


class LogPane(Vertical):
    """The editor or the viewer, whichever suits the text."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._whole: str | Document | None = None  # what the viewer shows
        self._original = ""  # what was put into the editor
        self._edited = ""  # how the editor showed it

    def compose(self) -> ComposeResult:
        yield LogEditor(id="editor")
        viewer = LogViewer(id="viewer")
        viewer.display = False
        yield viewer

    @property
    def editor(self) -> LogEditor:
        return self.query_one(LogEditor)

    @property
    def viewer(self) -> LogViewer:
        return self.query_one(LogViewer)

    @property
    def attached(self) -> bool:
        """Whether the text is too large to be edited."""
        return self._whole is not None

    @property
    def content(self) -> str | Document:
        """The whole text as it was handed in, or as it was edited since."""
        if self._whole is not None:
            return self._whole
        text = self.editor.text
        return self._original if text == self._edited else text

    def set_content(self, text: str | Document) -> None:
        """Replaces the text; what is large goes to the viewer."""
        large = not isinstance(text, str) or _is_large(text)
        self._whole = text if large else None
        had_focus = self.editor.has_focus or self.viewer.has_focus
        self.editor.display, self.viewer.display = not large, large
        if isinstance(text, Document):
            self.viewer.show([line.raw for line in text.lines], [line.number for line in text.lines])
        elif large:
            self.viewer.show(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
        else:
            self.viewer.show([])
            self._original, self._edited = text, "\n".join(plain_lines(text))
            self.editor.load_text(self._edited)
        if had_focus:
            self.take_focus()

    def take_focus(self) -> None:
        """Focuses whichever of the two is shown."""
        (self.viewer if self.attached else self.editor).focus()

    def go_to_line(self, number: int) -> None:
        """Shows a line by its number in the original text."""
        if self.attached:
            self.viewer.go_to(number)
            return
        row = max(0, min(number - 1, self.editor.document.line_count - 1))
        self.editor.selection = Selection((row, len(self.editor.document.get_line(row))), (row, 0))
        self.editor.scroll_cursor_visible(center=True)

    def mark(self, numbers: Collection[int]) -> None:
        """Marks the lines that facts were read from, where the viewer is shown."""
        self.viewer.mark(numbers)


def _is_large(text: str) -> bool:
    if len(text) > LARGE:
        return True
    return len(text) > LONG_LINE and any(len(line) > LONG_LINE for line in text.split("\n"))
