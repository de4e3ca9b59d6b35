"""A log of any size as a document: bytes in, the part that matters out."""

from __future__ import annotations

from typing import BinaryIO

from advisor.errors import InputError
from advisor.readers.document import Document

MAX_BYTES = 64 * 2**20
_UTF16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


def read_document(stream: BinaryIO) -> Document:
    """The document of a byte stream; what is not UTF-8 is replaced, UTF-16 with a byte order mark is read.

    Raises:
        InputError: nothing but blanks, or bytes that are no text.
    """
    data = stream.read(MAX_BYTES)
    encoding = _UTF16.get(data[:2], "utf-8")
    if encoding == "utf-8" and b"\0" in data[:8192]:
        raise InputError("this is a binary file, not a log", hint="Give the text that the run printed.")
    text = data.decode(encoding, "replace")
    if not text.strip():
        raise InputError(
            "the text is empty", hint="Paste the log or describe the run; `advisor diagnose --help` shows how."
        )
    return Document.of(text)
