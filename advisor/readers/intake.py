"""A log of any size as a document: bytes in, the part that matters out.

A long log streams through in chunks. Kept are its beginning (the command, the configuration), its end, and what surrounds the lines
that may tell of a failure; so memory is bounded whatever the log's size, and every line keeps its number.
"""

from __future__ import annotations

import codecs
import os
import stat
from collections import deque
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Protocol

from advisor.errors import InputError
from advisor.readers.document import Document, rows
from advisor.signs import LONGEST, confirmed, finder, line_counter, may_fail

WHOLE_BYTES = 2**20
"""Up to this size all of a log is read; a longer one streams through in chunks of this size."""
PART_BYTES = 2**15
"""What is kept of a long log is kept in parts of this size."""
HEAD_PARTS = 4
TAIL_PARTS = 4
SIGN_PARTS = 6
LAST_SIGN_PARTS = 2
"""So many parts with a sign are kept from the first on, and so many of the last, each with the part before it and the one after it."""
_CONTEXT = 200  # bytes on either side of a cut in which a sign is looked for
_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_SAMPLE = 8192
# Control characters beside blanks, colours and backspaces: text has few.
_CONTROL = bytes(code for code in range(32) if code not in b"\t\n\r\x08\x0c\x1b\x07")
_BINARY_SHARE = 0.03
# Undecodable places that a broken character at a cut or a stray byte explains.
_FEW_ERRORS = 3


class Stream(Protocol):
    """What gives bytes; fewer than asked for are no sign of the end, none are."""

    def read(self, size: int, /) -> bytes: ...


def read_document(stream: BinaryIO) -> Document:
    """The document of a byte stream: UTF-8, UTF-16, or GB 18030 as Chinese editions of Windows write it; what can't be decoded is replaced.

    Raises:
        InputError: nothing but blanks, or bytes that are no text.

    >>> import io
    >>> log = b"start\\n" + b"step\\n" * 1_000_000 + b"CUDA out of memory\\n" + b"step\\n" * 1_000_000
    >>> document = read_document(io.BytesIO(log))
    >>> document.line_at(document.text.index("CUDA")), len(document.text) < 2**20
    (1000002, True)
    """
    first = _exactly(stream, WHOLE_BYTES)
    source: Stream = stream
    wide = _wide(first)
    if wide:
        source = _Recoded(first, stream, wide)
        first = _exactly(source, WHOLE_BYTES)
    elif _is_binary(first[:_SAMPLE]):
        raise InputError("this is a binary file, not a log", hint="Give the text that the run printed.")
    second = _exactly(source, WHOLE_BYTES)
    if not second:
        return _not_blank(Document.of(_decoded(first).removeprefix("\ufeff")))
    if source is stream and (kept := _of_a_file(stream, len(first) + len(second))) is not None:
        return _document_of(kept)
    keeper = _Keeper()
    for chunk in _chunks(first, second, source):
        keeper.push(chunk)
    return _kept_document(keeper)


def _of_a_file(stream: BinaryIO, read: int) -> dict[int, tuple[int, bytes]] | None:
    """What is kept of a long regular file, looked through by several processes; None where it has to be streamed."""
    try:
        descriptor = stream.fileno()
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or stream.tell() != read:
            return None
    except (OSError, AttributeError, ValueError):
        return None
    size = status.st_size
    from advisor.readers import shared_scan

    if shared_scan.workers_for(size) < 2:
        return None
    signs_of, count = _Keeper().signs_of, line_counter()
    found = shared_scan.scan(descriptor, size, WHOLE_BYTES, PART_BYTES, _CONTEXT, signs_of, count)
    total = -(-size // PART_BYTES)
    signs = [*found.signs[:SIGN_PARTS], *found.signs[SIGN_PARTS:][-LAST_SIGN_PARTS:]]
    around = {part + step for part in signs for step in (-1, 0, 1)}
    wanted = {*range(HEAD_PARTS), *around, *range(total - TAIL_PARTS, total)}
    kept = {}
    line, chunk = 1, 0
    for part in sorted(part for part in wanted if 0 <= part < total):
        at = part * PART_BYTES
        while (chunk + 1) * WHOLE_BYTES <= at:
            line += found.lines[chunk]
            chunk += 1
        before = count(os.pread(descriptor, at - chunk * WHOLE_BYTES, chunk * WHOLE_BYTES)) if at % WHOLE_BYTES else 0
        kept[part] = (line + before, os.pread(descriptor, min(PART_BYTES, size - at), at))
    return kept


class Intake:
    """A log taken in as it comes: bytes in, the document of what matters out. Memory is bounded.

    >>> intake = Intake()
    >>> intake.feed(b"epoch 1\\n")
    >>> intake.feed(b"CUDA out of memory\\n")
    >>> intake.may_fail, intake.document().line_at(8)
    (True, 2)
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._keeper: _Keeper | None = None

    def feed(self, data: bytes) -> None:
        """The next bytes, of any length."""
        self._buffer += data
        while len(self._buffer) > WHOLE_BYTES:
            if self._keeper is None:
                self._keeper = _Keeper()
            self._keeper.push(bytes(self._buffer[:WHOLE_BYTES]))
            del self._buffer[:WHOLE_BYTES]

    @property
    def may_fail(self) -> bool:
        """Whether anything in it may tell of a failure."""
        if self._keeper is not None and self._keeper.saw_sign:
            return True
        return may_fail(bytes(self._buffer))

    def document(self) -> Document:
        """The document; nothing can be fed afterwards. Raises InputError where there is nothing but blanks."""
        if self._keeper is None:
            return _not_blank(Document.of(_decoded(bytes(self._buffer)).removeprefix("\ufeff")))
        self._keeper.push(bytes(self._buffer))
        return _kept_document(self._keeper)


def _kept_document(keeper: _Keeper) -> Document:
    return _document_of(keeper.finish())


def _document_of(kept: dict[int, tuple[int, bytes]]) -> Document:
    lines = []
    for number, data in _runs(kept):
        text = _decoded(data).removeprefix("\ufeff").removesuffix("\n")
        lines += list(rows(text, number))
    return _not_blank(Document.numbered(lines))


def _not_blank(document: Document) -> Document:
    if not document.text.strip():
        raise InputError(
            "the text is empty", hint="Paste the log or describe the run; `advisor diagnose --help` shows how."
        )
    return document


def _exactly(stream: Stream, size: int) -> bytes:
    """`size` bytes, fewer only at the end: a pipe gives what it has."""
    part = stream.read(size)
    if len(part) == size or not part:
        return part
    parts = []
    while part:
        parts.append(part)
        size -= len(part)
        part = stream.read(size) if size else b""
    return b"".join(parts)


def _chunks(first: bytes, second: bytes, stream: Stream) -> Iterator[bytes]:
    yield first
    yield second
    while chunk := _exactly(stream, WHOLE_BYTES):
        yield chunk


def _wide(data: bytes) -> str:
    """UTF-16 by its byte order mark, or by every other byte being zero (PowerShell's redirections lose the mark when joined)."""
    if data[:2] in _MARKS:
        return _MARKS[data[:2]]
    sample = data[:_SAMPLE]
    if len(sample) >= 8 and b"\0" in sample:
        for encoding, low, high in (("utf-16-le", 0, 1), ("utf-16-be", 1, 0)):
            zeros, letters = sample[high::2].count(0), len(sample[low::2]) - sample[low::2].count(0)
            if zeros > 0.7 * len(sample[high::2]) and letters > 0.95 * len(sample[low::2]):
                return encoding
    return ""


def _is_binary(sample: bytes) -> bool:
    """Some of the bytes are control characters. Zeros at the very beginning are what a log cut short by its rotation leaves."""
    sample = sample.lstrip(b"\0")
    return len(sample) - len(sample.translate(None, _CONTROL)) > _BINARY_SHARE * len(sample)


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("utf-8", "replace")
    if text.count("\ufffd") > _FEW_ERRORS:
        try:
            return data.decode("gb18030")
        except UnicodeDecodeError:
            pass
    return text


class _Recoded:
    """A stream of UTF-16 as one of UTF-8."""

    def __init__(self, start: bytes, stream: Stream, encoding: str) -> None:
        self._start, self._stream = start, stream
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._ready = b""

    def read(self, size: int, /) -> bytes:
        while not self._ready:
            data, self._start = self._start or self._stream.read(size), b""
            text = self._decoder.decode(data, final=not data)
            self._ready = text.encode("utf-8", "replace")
            if not data:
                break
        given, self._ready = self._ready[:size], self._ready[size:]
        return given


class _Keeper:
    """Which parts of a stream are kept: the first, the last, and those around signs of failure.

    Parts are numbered from 0. `kept` maps a part to the number of the line that its first byte belongs to, and its bytes.
    """

    def __init__(self) -> None:
        self.kept: dict[int, tuple[int, bytes]] = {}
        self._early: list[int] = []
        self._late: deque[int] = deque(maxlen=LAST_SIGN_PARTS)
        self._find, self._count, self._sure = finder(), line_counter(), confirmed()
        self._older, self._before, self._before_line, self._line, self._first = b"", b"", 1, 1, 0

    @property
    def saw_sign(self) -> bool:
        """Whether anything so far may tell of a failure."""
        return bool(self._early)

    def push(self, chunk: bytes) -> None:
        """The next chunk: whole parts, but for the last chunk."""
        before, first = self._before, self._first
        for part in self.signs_of(before, chunk, first):
            (self._early if len(self._early) < SIGN_PARTS else self._late).append(part)
        self._drop(first - 1)
        wanted = self._wanted(first)
        if first - 1 in wanted:
            self._take(before, self._before_line, first - _parts(before), [first - 1])
        self._take(chunk, self._line, first, [part for part in wanted if first <= part < first + _parts(chunk)])
        self._older, self._before, self._before_line = before, chunk, self._line
        self._line += self._count(chunk)
        self._first += _parts(chunk)

    def finish(self) -> dict[int, tuple[int, bytes]]:
        """All that was kept, the end of the stream with it."""
        self._drop(self._first)
        tail = range(self._first - TAIL_PARTS, self._first)
        first = self._first - _parts(self._before)
        self._take(self._before, self._before_line, first, tail)
        self._take(self._older, self._before_line - self._count(self._older), first - _parts(self._older), tail)
        return self.kept

    def signs_of(self, before: bytes, chunk: bytes, first: int) -> list[int]:
        """The parts of a chunk that hold a sign; one that began in the chunk before counts to the first."""
        found = []
        over = before[-LONGEST:] + chunk[:LONGEST]
        if self._find(over) and self._sure(before[-_CONTEXT:] + chunk[:_CONTEXT]):
            found.append(first)
        last = -1
        for offset in self._find(chunk):
            part = offset // PART_BYTES
            if part != last and self._sure(chunk[max(0, offset - 64) : offset + 128]):
                last = part
                if first + part not in found:
                    found.append(first + part)
        return found

    def _wanted(self, first: int) -> set[int]:
        """The parts from `first` - 1 on that are to be kept."""
        around = {part + step for part in (*self._early, *self._late) for step in (-1, 0, 1)}
        return {part for part in (*range(HEAD_PARTS), *around) if part >= first - 1 and part not in self.kept}

    def _drop(self, before: int) -> None:
        """Parts around signs that later signs pushed out."""
        around = {part + step for part in (*self._early, *self._late) for step in (-1, 0, 1)}
        for part in [part for part in self.kept if HEAD_PARTS <= part < before and part not in around]:
            del self.kept[part]

    def _take(self, chunk: bytes, line: int, first: int, parts: Iterable[int]) -> None:
        for part in parts:
            at = (part - first) * PART_BYTES
            if part not in self.kept and 0 <= at < len(chunk):
                self.kept[part] = (line + self._count(chunk[:at]), chunk[at : at + PART_BYTES])


def _parts(chunk: bytes) -> int:
    return -(-len(chunk) // PART_BYTES)


def _runs(kept: dict[int, tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """Parts that follow each other as one, cut to whole lines: the number of the first line, and the bytes."""
    order = sorted(kept)
    start = 0
    for place, part in enumerate(order):
        if place + 1 < len(order) and order[place + 1] == part + 1:
            continue
        number, _ = kept[order[start]]
        data = b"".join(kept[one][1] for one in order[start : place + 1])
        if order[start] > 0 and (cut := data.find(b"\n") + 1):
            data, number = data[cut:], number + 1
        if place + 1 < len(order) and (end := data.rfind(b"\n")) >= 0:
            data = data[:end]
        if data:
            yield number, data
        start = place + 1
