"""What is kept of a stream that passes: all of it while it is short, then what a diagnosis needs, within bounds of memory and time."""

from __future__ import annotations

import time

TYPE_CHECKING = False  # `typing` is not imported before the command starts
if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable

    from advisor.readers.intake import Intake

WHOLE_BYTES = 16 * 2**20
"""Up to this size a stream is kept as it is; nothing is searched while the command runs."""
BURST_BYTES = 8 * 2**20
BYTES_PER_SECOND = 8 * 2**20
"""A stream may be read at this rate, after a burst. What comes faster for long passes unread but for its newest part: no log of a run
is written that fast, and a command must not wait for being watched."""
NEWEST_BYTES = 2**20


class Tap:
    """The reader's side of one stream. Not thread-safe: one relay fills it, and others ask when that one has ended."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._allowance = float(BURST_BYTES)
        self._asked = clock()
        self._raw: list[bytes] = []
        self._size = 0
        self._intake: Intake | None = None
        self._newest: deque[bytes] | None = None  # made where it is needed, which is rare
        self._newest_size = 0
        self._cut = False

    @property
    def may_read(self) -> bool:
        """Whether the stream may be read now; otherwise it has come too fast for too long."""
        now = self._clock()
        self._allowance = min(float(BURST_BYTES), self._allowance + (now - self._asked) * BYTES_PER_SECOND)
        self._asked = now
        return self._allowance > 0

    def add(self, data: bytes) -> None:
        """The next bytes of the stream."""
        self._allowance -= len(data)
        if self._intake is not None:
            self._intake.feed(data)
            return
        self._raw.append(data)
        self._size += len(data)
        if self._size > WHOLE_BYTES:
            self._intake = self._started()

    def gap(self) -> None:
        """Bytes of the stream were left out here: what follows begins a line."""
        self.add(b"\n")

    def offer(self, data: bytes) -> None:
        """The next bytes, which are taken if they may be, and else pushed out by newer ones."""
        if not self._newest and self.may_read:
            self.add(data)
            return
        if self._newest is None:
            from collections import deque

            self._newest = deque()
        self._newest.append(data)
        self._newest_size += len(data)
        while self._newest_size - len(self._newest[0]) > NEWEST_BYTES:
            self._newest_size -= len(self._newest.popleft())
            self._cut = True
        if self.may_read and self._allowance > self._newest_size:
            self.close()

    def close(self) -> None:
        """Takes what `offer` held back."""
        if self._cut:
            self.gap()
        waiting, self._newest, self._newest_size, self._cut = self._newest, None, 0, False
        for data in waiting or ():
            self.add(data)

    def intake(self) -> Intake:
        """What was kept, ready to become a document."""
        if self._intake is None:
            self._intake = self._started()
        return self._intake

    def _started(self) -> Intake:
        from advisor.readers.intake import Intake

        intake = Intake()
        for data in self._raw:
            intake.feed(data)
        self._raw = []
        return intake

    @property
    def may_fail(self) -> bool:
        """Whether anything that was kept may tell of a failure."""
        if self._intake is not None:
            return self._intake.may_fail
        if not self._raw:
            return False
        from advisor.signs import may_fail

        return may_fail(b"".join(self._raw))
