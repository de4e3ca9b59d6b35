"""Files that grow: read as they are written, through rotation, truncation and a late beginning."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence

from msgspec import Struct

PIECE_BYTES = 2**15
MAX_FILES = 512


class Piece(Struct, frozen=True):
    """What one look at a file brought.

    Attributes:
        data: the bytes that are new, at most PIECE_BYTES.
        event: `rotated` or `truncated` when the file begins anew with this piece, else empty.
    """

    data: bytes
    event: str = ""


class Followed:
    """One file by its path. A file that takes the path's place is read from its beginning, after the rest of the old one."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._descriptor = -1
        self._offset = 0
        self._event = ""

    @property
    def is_there(self) -> bool:
        """Whether the file has been found."""
        return self._descriptor >= 0

    def pieces(self, limit: int = 64) -> Iterator[Piece]:
        """What is new, in pieces; at most `limit` of them, so that one file does not keep others waiting."""
        for _ in range(limit):
            piece = self._next()
            if piece is None:
                return
            yield piece

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _next(self) -> Piece | None:
        if self._descriptor < 0 and not self._open():
            return None
        size = os.fstat(self._descriptor).st_size
        if size < self._offset:
            self._offset, self._event = 0, "truncated"
        data = os.pread(self._descriptor, PIECE_BYTES, self._offset)
        if data:
            self._offset += len(data)
            event, self._event = self._event, ""
            return Piece(data, event)
        if self._is_replaced():
            self.close()
            self._offset, self._event = 0, "rotated"
            return self._next()
        return None

    def _open(self) -> bool:
        try:
            self._descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return False
        if not _is_regular(self._descriptor):
            self.close()
            return False
        return True

    def _is_replaced(self) -> bool:
        """Whether another file has the path by now."""
        try:
            there = os.stat(self.path)
        except OSError:
            return False  # between the two; the old one may still be written to
        return not os.path.samestat(there, os.fstat(self._descriptor))


def _is_regular(descriptor: int) -> bool:
    import stat

    return stat.S_ISREG(os.fstat(descriptor).st_mode)


def paths_of(patterns: Sequence[str]) -> list[str]:
    """The files that names, patterns and folders stand for now; a plain name stands for itself even before it is there."""
    found: dict[str, None] = {}
    for pattern in patterns:
        if os.path.isdir(pattern):
            names = sorted(
                entry.path for entry in os.scandir(pattern) if entry.is_file() and not entry.name.startswith(".")
            )
            found |= dict.fromkeys(names)
        elif glob.has_magic(pattern) and not os.path.exists(pattern):
            found |= dict.fromkeys(sorted(path for path in glob.glob(pattern, recursive=True) if os.path.isfile(path)))
        else:
            found[pattern] = None
    return list(found)[:MAX_FILES]
