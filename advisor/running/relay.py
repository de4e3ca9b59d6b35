"""One stream of a command passed through byte for byte while a copy goes to its tap; on Linux without the bytes leaving the kernel.

A relay ends when all who write have closed the stream, when nobody reads what it passes on, or when it is told that the command is
gone and nothing is left (a grandchild may still hold the stream open).
"""

from __future__ import annotations

import _thread
import errno
import os
import select
import time

from advisor.running.pipes import PIPE_BYTES, pipe, widen
from advisor.running.system import call_error, function
from advisor.running.tap import Tap

TYPE_CHECKING = False  # `typing` is not imported before the command starts
if TYPE_CHECKING:
    from collections.abc import Callable

_NONBLOCK = 2  # SPLICE_F_NONBLOCK of <fcntl.h>
_GONE = (errno.EPIPE, errno.EIO, errno.ECONNRESET, errno.ENXIO, errno.ENOTCONN)
# A stream that brings more than this a second is let gather before it is passed on: fewer and larger pieces.
_TORRENT_BYTES = 100e6
_GATHER_SECONDS = 0.0003


class Relay:
    """Passes a stream on in a thread of its own. (`threading` takes longer to import than a short command runs.)

    Attributes:
        ended: nobody writes to the stream any more, or nobody reads it.
        failure: the error number with which the passing on broke, 0 without one.
    """

    def __init__(self, source: int, target: int, tap: Tap, *, piped: bool) -> None:
        """
        Args:
            source: where the command's bytes are read; closed at the end.
            target: where they are written; left open.
            piped: the source is a pipe, not a terminal.
        """
        self.source, self.target, self.tap, self.piped = source, target, tap, piped
        self.ended = False
        self.failure = 0
        self._running = _thread.allocate_lock()
        self._wake = os.pipe()
        self._stopping = False
        self._poll = select.poll()
        self._poll.register(source, select.POLLIN)
        self._poll.register(self._wake[0], select.POLLIN)

    def start(self) -> None:
        """Begins to pass on."""
        self._running.acquire()
        _thread.start_new_thread(self._run, ())

    def join(self) -> None:
        """Waits for the end."""
        with self._running:
            pass

    def stop(self) -> None:
        """The command is gone: pass on what is left, then end."""
        os.write(self._wake[1], b"x")

    def finish(self) -> None:
        """Waits for the end."""
        self.join()
        for end in self._wake:
            os.close(end)

    def _run(self) -> None:
        try:
            self.run()
        finally:
            self._running.release()

    def run(self) -> None:
        """Passes on until the end."""
        tee = _tee() if self.piped else None
        try:
            if tee is None or not self._in_kernel(tee):
                self._through_memory()
        except OSError as error:
            if error.errno not in _GONE:
                raise
            self.failure = error.errno or 0
            self.ended = True
        finally:
            self.tap.close()
            if self.ended:
                os.close(self.source)

    def _ready(self) -> bool:
        """Waits for bytes or the end of the stream; False when the command is gone and nothing is left."""
        while True:
            events = dict(self._poll.poll(0 if self._stopping else None))
            if self.source in events:
                return True
            if self._stopping:
                return False
            if self._wake[0] in events:
                self._stopping = True
                self._poll.unregister(self._wake[0])

    def _in_kernel(self, tee: Callable[[int, int, int], int]) -> bool:
        """Passes on by splice(2), with a copy by tee(2); False where the target can't take it so."""
        widen(self.target)
        copy = pipe()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        moved, since = 0, time.monotonic()
        waiting = False  # for the copy to have room, not for the source to have bytes
        try:
            while True:
                try:
                    size = tee(self.source, copy[1], PIPE_BYTES)
                except BlockingIOError:
                    if waiting:
                        self._make_room(copy[0], nowhere)
                    elif not self._ready():
                        return True
                    waiting = True
                    continue
                waiting = False
                if not size:
                    self.ended = True
                    return True
                if not self._splice(size):
                    return False
                if self.tap.may_read:
                    self.tap.add(os.read(copy[0], PIPE_BYTES))
                moved += size
                now = time.monotonic()
                if size < PIPE_BYTES // 2 and moved > _TORRENT_BYTES * (now - since) + PIPE_BYTES:
                    time.sleep(_GATHER_SECONDS)
                if now - since > 1:
                    moved, since = 0, now
        finally:
            os.close(copy[1])
            while data := os.read(copy[0], PIPE_BYTES):
                self.tap.add(data)
            os.close(copy[0])
            os.close(nowhere)

    def _make_room(self, copy: int, nowhere: int) -> None:
        """The copy's pipe is full (or the source empty after all): its older half is read if it may be, else let go."""
        if self.tap.may_read:
            poll = select.poll()
            poll.register(copy, select.POLLIN)
            if poll.poll(0):
                self.tap.add(os.read(copy, PIPE_BYTES))
            return
        try:
            os.splice(copy, nowhere, PIPE_BYTES // 2, flags=_NONBLOCK)
        except BlockingIOError:
            return
        self.tap.gap()

    def _splice(self, size: int) -> bool:
        """Moves `size` bytes on. Where the target refuses splice they go through memory, and the answer is False."""
        while size:
            try:
                size -= os.splice(self.source, self.target, size)
            except BlockingIOError:
                _writable(self.target)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
                while size:
                    data = os.read(self.source, size)
                    _write(self.target, data)
                    size -= len(data)
                return False
        return True

    def _through_memory(self) -> None:
        while self._ready():
            try:
                data = os.read(self.source, PIPE_BYTES)
            except OSError as error:
                if self.piped or error.errno != errno.EIO:  # a terminal that all have closed
                    raise
                data = b""
            if not data:
                self.ended = True
                return
            _write(self.target, data)
            self.tap.offer(data)


def _write(target: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(target, view) :]
        except BlockingIOError:
            _writable(target)


def _writable(target: int) -> None:
    poll = select.poll()
    poll.register(target, select.POLLOUT)
    poll.poll()


def _tee() -> Callable[[int, int, int], int] | None:
    """tee(2) without blocking, where the system has it."""
    if not hasattr(os, "splice"):
        return None
    call = function("tee")
    if call is None:
        return None

    def tee(source: int, target: int, size: int) -> int:
        done = call(source, target, size, _NONBLOCK)
        if done < 0:
            raise call_error()
        return done

    return tee
