"""A growing log as failures: how it began, what came before a failure, and where one failure ends and the next begins.

Memory is bounded: of a long log its head and the latest stretch are kept.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import re2

from advisor.readers.document import rows
from advisor.signs import line_counter, signs

HEAD_BYTES = 2**17
RECENT_BYTES = 2**18
APART_BYTES = 2**15
"""Signs of failure that are further apart than this belong to different failures."""
MOST_BYTES = 2**19
"""A failure that goes on for longer is judged as far as it has come."""
TAIL_BYTES = 2048
"""What may follow a failure's last sign and belongs to it: the rest of the message, the launcher's summary."""
_OVER = 200
_TRACEBACK = b"Traceback (most recent call last)"


@cache
def _command() -> Any:
    """The command of a next run."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    programs = (
        rb"python[0-9.]*|torchrun|accelerate|deepspeed|bash|sh|srun|mpirun|llamafactory-cli|swift|vllm|xtuner|ray"
    )
    return re2.compile(rb"(?m)^(?:[$#>+] *|\S+[$#] )?(?:" + programs + rb") +[^ \n]", options)


class Log:
    """One log as it comes.

    Attributes:
        pending: a failure has begun that was not judged yet.
    """

    def __init__(self) -> None:
        self._count = line_counter()
        self.begin()

    def begin(self) -> None:
        """A new log begins: the file was replaced or cut."""
        self._head = bytearray()
        self._head_open = True
        self._recent = bytearray()
        self._recent_line = 1  # of the first byte of `_recent`
        self._over = b""
        self.pending = False
        self._first_sign = self._last_sign = 0  # of the pending failure, as offsets in `_recent`
        self._head_line = 1  # of the first byte of `_head`
        self._end = 0  # of the failure that was judged

    def feed(self, piece: bytes) -> bool:
        """The next bytes, a piece of at most about APART_BYTES; True when a pending failure is complete by its length."""
        over = self._over
        found = [offset - len(over) for offset in signs(over + piece)]
        self._over = b"" if found else piece[-_OVER:]
        if self._head_open and not self.pending and not found:
            self._head += piece[: HEAD_BYTES - len(self._head)]
            self._head_open = len(self._head) < HEAD_BYTES
        if found:
            self._head_open = False
            if not self.pending:
                self._first_sign = len(self._recent) + max(0, found[0])
            self.pending = True
            self._last_sign = len(self._recent) + max(0, found[-1])
        self._recent += piece
        if not self.pending and len(self._recent) > RECENT_BYTES:
            self._forget(len(self._recent) - RECENT_BYTES)
        since = len(self._recent) - self._last_sign
        return self.pending and (since >= APART_BYTES or len(self._recent) > RECENT_BYTES + MOST_BYTES)

    def failure(self) -> list[tuple[int, str]]:
        """The numbered lines to judge: the head, where it is not in the latest stretch, then that stretch up to the end of the failure."""
        numbered: list[tuple[int, str]] = []
        if self._recent_line > self._head_line:
            whole = self._head[: self._head.rfind(b"\n") + 1].removesuffix(b"\n")
            numbered += [row for row in rows(_text(whole), self._head_line) if row[0] < self._recent_line and whole]
        self._end = self._end_of_failure()
        numbered += rows(_text(self._recent[: self._end]), self._recent_line)
        self.pending = False
        return numbered

    def _end_of_failure(self) -> int:
        """Where in the latest stretch the failure ends: a little after its last sign, before the command of a next run."""
        line_end = self._recent.find(b"\n", self._last_sign) + 1 or len(self._recent)
        after = bytes(self._recent[line_end : line_end + TAIL_BYTES])
        command = _command().search(after)
        if command is not None:
            return line_end + after.rfind(b"\n", 0, command.start() + 1) + 1
        return line_end + len(after)

    def judged(self) -> None:
        """The failure was told: it is not taken for a part of the next one, which may still be of the same run."""
        before = bytes(self._recent[: self._first_sign])
        trace = before.rfind(_TRACEBACK, max(0, len(before) - APART_BYTES))
        before = before[: before.rfind(b"\n", 0, trace if trace >= 0 else len(before)) + 1]
        begin = max((match.start() for match in _command().finditer(before)), default=-1)
        if begin < 0 and not self._head:
            begin = 0
        if begin >= 0:
            begin = before.rfind(b"\n", 0, begin + 1) + 1
            self._head = bytearray(before[begin : begin + HEAD_BYTES])
            self._head_line = self._recent_line + self._count(before[:begin])
        self._forget(self._end)

    def _forget(self, size: int) -> None:
        cut = self._recent.find(b"\n", max(0, size - 1)) + 1 or len(self._recent)
        self._recent_line += self._count(bytes(self._recent[:cut]))
        self._first_sign = max(0, self._first_sign - cut)
        self._last_sign = max(0, self._last_sign - cut)
        del self._recent[:cut]


def _text(data: bytes | bytearray) -> str:
    return bytes(data).decode("utf-8", "replace")
