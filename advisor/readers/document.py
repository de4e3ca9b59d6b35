"""A pasted text as lines with their original numbers, cleaned of what terminals, launchers and chats add."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property

from msgspec import Struct

from advisor.readers.noise import clean_line

QUOTE_LENGTH = 200
# Shorter lines are taken as they are; longer ones are looked at for line ends inside.
_PLAIN = 240
_ESCAPED_ENDS = 3
_LONGEST = 16_000


class Squeezed(Struct, frozen=True):
    """A document's text without any blank, so that a message reads the same however a terminal wrapped it.

    Attributes:
        text: the cleaned text with all white space taken out.
        lower: the same in lower case, offset for offset.
    """

    text: str
    lower: str
    _starts: list[int]
    _origins: list[int]

    def origin(self, offset: int) -> int:
        """The offset in the document's `text` of the character at `offset` of the squeezed text."""
        index = max(0, bisect_right(self._starts, offset) - 1)
        return self._origins[index] + offset - self._starts[index] if self._origins else 0


class Line(Struct, frozen=True):
    """One line: its 1-based number in the original text, the cleaned text, and the text as it came."""

    number: int
    text: str
    raw: str


class Document:
    """The lines of a text and the joined cleaned text, with a way back from an offset to a line.

    An empty document has no lines and an empty text.

    >>> doc = Document.of("[rank0]: loss 2.1\\n> CUDA out of memory")
    >>> doc.text
    'loss 2.1\\nCUDA out of memory'
    >>> doc.line_at(doc.text.index("CUDA"))
    2
    """

    def __init__(self, lines: Sequence[Line]) -> None:
        self.lines = list(lines)
        self.text = "\n".join(line.text for line in self.lines)
        starts, offset = [], 0
        for line in self.lines:
            starts.append(offset)
            offset += len(line.text) + 1
        self._starts = starts

    @classmethod
    def of(cls, text: str, first_number: int = 1) -> Document:
        """The document of a text; `first_number` is the number of its first line in the original."""
        if not text.isascii():
            text = text.encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair can't be matched
        return cls.numbered(list(rows(text, first_number)))

    @classmethod
    def numbered(cls, rows: Sequence[tuple[int, str]]) -> Document:
        """The document of raw lines with their numbers, where some of the text was left out."""
        return cls([Line(number, clean_line(raw), raw) for number, raw in rows])

    @cached_property
    def lower(self) -> str:
        """The cleaned text in lower case, offset for offset the same as `text`."""
        return _same_length_lower(self.text)

    @cached_property
    def squeezed(self) -> Squeezed:
        """The text without blanks: for messages that may be wrapped anywhere, even inside a word or a number.

        >>> doc = Document.of("Tried to allo\\n  cate 2.0\\n0 GiB")
        >>> doc.squeezed.text, doc.text[doc.squeezed.origin(11):]
        ('Triedtoallocate2.00GiB', 'cate 2.0\\n0 GiB')
        """
        words, starts, origins = [], [], []
        size = 0
        for line, start in zip(self.lines, self._starts, strict=True):
            column = 0
            for word in line.text.split():
                column = line.text.index(word, column)
                words.append(word)
                starts.append(size)
                origins.append(start + column)
                size += len(word)
                column += len(word)
        text = "".join(words)
        return Squeezed(text, _same_length_lower(text), starts, origins)

    def _index_at(self, offset: int) -> int:
        return max(0, bisect_right(self._starts, offset) - 1)

    def line_at(self, offset: int) -> int:
        """The original 1-based number of the line that holds the character at `offset` of `text`; 0 in an empty text."""
        return self.lines[self._index_at(offset)].number if self.lines else 0

    def raw_at(self, offset: int) -> str:
        """The line at `offset` as it came."""
        return self.lines[self._index_at(offset)].raw if self.lines else ""

    def quote(self, offset: int) -> str:
        """The cleaned line at `offset`, at most QUOTE_LENGTH characters of it around the offset."""
        if not self.lines:
            return ""
        index = self._index_at(offset)
        text = self.lines[index].text.strip()
        if len(text) <= QUOTE_LENGTH:
            return text
        column = max(0, offset - self._starts[index] - QUOTE_LENGTH // 2)
        line = self.lines[index].text
        return ("…" if column else "") + line[column : column + QUOTE_LENGTH].strip() + "…"


def rows(text: str, first_number: int = 1) -> Iterator[tuple[int, str]]:
    r"""The lines of a text with their numbers, as editors and `sed -n` count them.

    A progress bar that redraws itself is one line, of which its last state is kept. A line that holds others, because
    it is very long or because its line ends are written as `\n` (a repr, a JSON log), comes in pieces with the same number.

    >>> list(rows("a\r\n 10%|#  \r 20%|## \r 30%|###\nb"))
    [(1, 'a'), (2, ' 30%|###'), (3, 'b')]
    """
    text = text.replace("\r\n", "\n")
    if "\r" in text and "\n" not in text:
        text = text.replace("\r", "\n")  # line ends of old Macs
    for number, line in enumerate(text.split("\n"), first_number):
        if len(line) < _PLAIN and "\r" not in line:
            yield number, line
            continue
        for part in _unfolded(line):
            for piece in _pieces(part):
                yield number, piece


def _unfolded(line: str) -> list[str]:
    """The states that a line went through; those of progress bars only where nothing was written over them."""
    states = [state for state in line.split("\r") if state.strip()]
    return [
        state
        for place, state in enumerate(states)
        if place == len(states) - 1 or not ("%" in state or "it/s" in state or "/" in state[:20])
    ] or [line.replace("\r", "")]


def _pieces(line: str) -> Iterator[str]:
    parts = line.split("\\n") if len(line) >= _PLAIN and line.count("\\n") >= _ESCAPED_ENDS else [line]
    for part in parts:
        while len(part) > _LONGEST:
            cut = part.rfind(" ", _LONGEST // 2, _LONGEST) + 1 or _LONGEST
            yield part[:cut]
            part = part[cut:]
        yield part


def _same_length_lower(text: str) -> str:
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(low if len(low := char.lower()) == 1 else char for char in text)
