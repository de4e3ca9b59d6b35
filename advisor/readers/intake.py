"""A log of any size as a document: bytes in, the part that matters out.

A long log streams through in blocks. Kept are its beginning (the command, the configuration), its end, and what surrounds the lines
that may tell of memory; so memory is bounded whatever the log's size, and every line keeps its number.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from functools import cache
from typing import Any, BinaryIO, NamedTuple

import re2

from advisor.errors import InputError
from advisor.readers.document import Document

WHOLE_BYTES = 2**20
"""Up to this size all of a log is read."""
BLOCK_BYTES = 2**16
HEAD_BLOCKS = 4
TAIL_BLOCKS = 8
SIGN_BLOCKS = 6
"""So many blocks with a sign are kept from the first on, each with the block before it and the one after it."""
MAX_UTF16_BYTES = 64 * 2**20
_UTF16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_SIGNS = (
    r"(?i)out of memory|outofmemory|alloc_failed|(?:cannot|unable to|failed to|can't) allocate|exit ?code ?: -9|exit(?:ed with)? code 137|"
    r"signal 9\b|sigkill|\bkilled\b|oom-?kill|resource_exhausted|bus error|no space left|insufficient memory|"
    r"显存不足|爆显存|显存溢出|内存不足"
)


class _Block(NamedTuple):
    """Whole lines: the number of the first, and the bytes."""

    first: int
    data: bytes


def read_document(stream: BinaryIO) -> Document:
    """The document of a byte stream; what is not UTF-8 is replaced, UTF-16 with a byte order mark is read.

    Raises:
        InputError: nothing but blanks, or bytes that are no text.

    >>> import io
    >>> log = b"start\\n" + b"step\\n" * 1_000_000 + b"CUDA out of memory\\n" + b"step\\n" * 1_000_000
    >>> document = read_document(io.BytesIO(log))
    >>> document.line_at(document.text.index("CUDA")), len(document.text) < 2**20
    (1000002, True)
    """
    data = _exactly(stream, WHOLE_BYTES + 1)
    if data[:2] in _UTF16:
        data += _exactly(stream, MAX_UTF16_BYTES)
        return _not_blank(Document.of(data.decode(_UTF16[data[:2]], "replace").removeprefix("\ufeff")))
    if b"\0" in data[:8192]:
        raise InputError("this is a binary file, not a log", hint="Give the text that the run printed.")
    if len(data) <= WHOLE_BYTES:
        return _not_blank(Document.of(data.decode("utf-8-sig", "replace")))
    rows = []
    for block in _kept(_blocks(data, stream)):
        text = block.data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")
        rows += list(enumerate(text.split("\n"), block.first))
    return _not_blank(Document.numbered(rows))


def _not_blank(document: Document) -> Document:
    if not document.text.strip():
        raise InputError(
            "the text is empty", hint="Paste the log or describe the run; `advisor diagnose --help` shows how."
        )
    return document


def _exactly(stream: BinaryIO, size: int) -> bytes:
    """`size` bytes, fewer only at the end: a pipe gives what it has."""
    parts = []
    while size > 0 and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _blocks(start: bytes, stream: BinaryIO) -> Iterator[_Block]:
    """The stream in blocks that end with a line, or in the middle of a line that is longer than a block."""
    number, rest, at = 1, b"", 0
    while True:
        part, at = (
            (start[at : at + BLOCK_BYTES], at + BLOCK_BYTES) if at < len(start) else (stream.read(BLOCK_BYTES), at)
        )
        if not part:
            break
        end = max(part.rfind(b"\n"), part.rfind(b"\r", 0, -1)) + 1
        if not end and len(rest) < BLOCK_BYTES:
            rest += part
            continue
        end = end or len(part)
        data, rest = rest + part[:end], part[end:]
        yield _Block(number, data)
        number += data.count(b"\n")
        if b"\r" in data:
            number += data.count(b"\r") - data.count(b"\r\n")
    if rest:
        yield _Block(number, rest)


def _kept(blocks: Iterator[_Block]) -> list[_Block]:
    search = _signs().search
    kept: dict[int, _Block] = {}
    tail: deque[_Block] = deque(maxlen=TAIL_BLOCKS)
    signs, wanted = 0, HEAD_BLOCKS
    for index, block in enumerate(blocks):
        if signs < SIGN_BLOCKS and search(block.data) is not None:
            signs, wanted = signs + 1, index + 2
            if tail:
                kept[index - 1] = tail[-1]
        if index < wanted:
            kept[index] = block
        tail.append(block)
    kept.update({index - len(tail) + 1 + place: one for place, one in enumerate(tail)})
    return [kept[index] for index in sorted(kept)]


@cache
def _signs() -> Any:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    return re2.compile(_SIGNS.encode(), options)
