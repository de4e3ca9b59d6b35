"""The file of results: one line for each text, written so that a run that was killed can go on with nothing lost and nothing twice."""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Iterable
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import msgspec

from advisor.errors import InputError
from advisor.triage.items import Item
from advisor.triage.record import SCHEMA, Header, Record, decode, decode_header, encode, line
from advisor.version import __version__


class Results:
    """Results on their way into a file (or a stream, or nowhere), each counted once.

    A line is complete or it is not there: what a killed run left of its last line is cut off when the next one resumes. Two runs can't
    write to one file at once.
    """

    def __init__(
        self, path: str = "", stream: BinaryIO | None = None, *, resume: bool = False, plans: bool = False
    ) -> None:
        """
        Args:
            path: the file; nothing is written without it or `stream`.
            resume: go on with what the file holds; otherwise a file that holds results is refused.

        Raises:
            InputError: the file can't be written, holds something else, or results that may not be mixed with these.
        """
        self._path, self._stream = path, stream
        self._file: BinaryIO | None = None
        self._lines = array("Q")  # by line of the input: what its text's key comes to, 0 where it is not judged
        self._paths: set[int] = set()
        self._header = Header(SCHEMA, __version__, plans)
        self._resume = resume

    def open(self, seen: Callable[[Record], None]) -> None:
        """Opens the file; `seen` is told of each result that is in it already. Raises as the constructor says."""
        if not self._path:
            return
        try:
            self._file = open(self._path, "a+b")  # noqa: SIM115 - closed by close()
        except OSError as error:
            raise InputError(error.strerror or str(error), place=self._path) from None
        _lock(self._file, self._path)
        self._file.seek(0, os.SEEK_END)
        if not self._file.tell():
            self._write(encode(self._header) + b"\n")
        elif not self._resume:
            hint = "Go on with it by --resume, or name another file."
            raise InputError("holds results already", place=self._path, hint=hint)
        else:
            self._read(self._file, seen)

    def _read(self, file: BinaryIO, seen: Callable[[Record], None]) -> None:
        file.seek(0)
        head = file.readline()
        try:
            header = decode_header(head)
        except msgspec.DecodeError:
            header = None
        if header is None or header.schema != SCHEMA:
            raise InputError("is no file of results", place=self._path, hint="Name a new file for the results.")
        if header.plans != self._header.plans:
            with_plans = "with" if header.plans else "without"
            raise InputError(
                f"was made {with_plans} --plans",
                place=self._path,
                hint="Resume with the same option, or name another file.",
            )
        good = file.tell()
        for number, raw in enumerate(iter(file.readline, b""), 2):
            if not raw.endswith(b"\n"):
                break  # what was being written when the run was killed
            try:
                record = decode(raw)
            except msgspec.DecodeError:
                raise InputError(
                    "is damaged", place=f"{self._path}:{number}", hint="Repair or remove that line."
                ) from None
            if self._note(record):
                seen(record)
            good = file.tell()
        file.truncate(good)
        file.seek(0, os.SEEK_END)

    def _note(self, record: Record) -> bool:
        """Marks a text as judged; False where it was marked before."""
        mark = _mark(record.key)
        if record.path:
            known = mark in self._paths
            self._paths.add(mark)
            return not known
        if len(self._lines) <= record.n:
            self._lines.extend([0] * (record.n + 1 - len(self._lines)))
        known = bool(self._lines[record.n])
        self._lines[record.n] = mark
        return not known

    def has(self, item: Item) -> bool:
        """Whether the text is judged already.

        Raises:
            InputError: another text has its place: the input is not the one that the results are of.
        """
        mark = _mark(item.key)
        if item.path:
            return mark in self._paths
        known = self._lines[item.n] if item.n < len(self._lines) else 0
        if known and known != mark:
            raise InputError(
                f"line {item.n} of the input is not the one that was judged before",
                place=self._path,
                hint="Resume with the same input, or name another file.",
            )
        return bool(known)

    def add(self, records: Iterable[Record]) -> None:
        """Writes results, all at once."""
        self._write(b"".join(map(line, records)))

    def _write(self, data: bytes) -> None:
        if self._file is not None:
            self._file.write(data)
            self._file.flush()
        elif self._stream is not None:
            self._stream.write(data)
            self._stream.flush()

    def close(self) -> None:
        """Makes sure that everything is on the disk."""
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None

    def __enter__(self) -> Results:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _mark(key: str) -> int:
    return int.from_bytes(blake2b(key.encode("utf-8", "surrogateescape"), digest_size=8).digest(), "big") or 1


def _lock(file: BinaryIO, path: str) -> None:
    try:
        import fcntl
    except ImportError:  # Windows: there the file itself is opened by one at a time or not, as the system has it
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise InputError("another run writes to it", place=path, hint="Wait for it, or name another file.") from None


def is_results(path: str) -> bool:
    """Whether a file holds results."""
    try:
        with Path(path).open("rb") as file:
            return decode_header(file.readline(4096)).schema == SCHEMA
    except (OSError, msgspec.DecodeError):
        return False
