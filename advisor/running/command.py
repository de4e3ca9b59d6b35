"""Runs a command as if it ran alone, and keeps what it said.

How a stream is passed through depends on where it goes: a terminal gets a terminal of its own (so that progress bars stay), a pipe a
pipe; a file is left to the command, which writes to it itself, and is read afterwards. What goes to /dev/null is not read either,
unless all of it does, because then nothing else would tell what happened.
"""

from __future__ import annotations

import _thread
import os
import stat
import time

from advisor.running import child, supervise
from advisor.running.pipes import pipe
from advisor.running.signals import signal
from advisor.running.tap import BURST_BYTES, BYTES_PER_SECOND, Tap

TYPE_CHECKING = False  # `typing` is not imported before the command starts
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    from advisor.running.relay import Relay
    from advisor.running.terminal import Terminal


class Source:
    """One stream of the command, as far as it was kept.

    Attributes:
        names: `stdout`, `stderr`, or both where they are one.
        tap: what passed through this process; None for a file that the command wrote itself.
        file: a descriptor to read that file with, and the offset where the command began.
    """

    def __init__(self, names: tuple[str, ...], tap: Tap | None = None, file: tuple[int, int] | None = None) -> None:
        self.names, self.tap, self.file = names, tap, file


class Ran:
    """What came of a command.

    Attributes:
        status: as a shell shows it, 128 and the number of the signal that killed it.
        sources: what it said.
        began: seconds since the epoch.
        seconds: how long it ran.
        memory_kills: processes that the kernel ended on this machine meanwhile for want of memory; None where it does not tell.
    """

    def __init__(
        self, status: int, sources: Sequence[Source], began: float, seconds: float, memory_kills: int | None = None
    ) -> None:
        self.status, self.sources, self.began, self.seconds = status, sources, began, seconds
        self.memory_kills = memory_kills

    def may_have_failed(self) -> bool:
        """Whether anything that it said may tell of a failure; files are searched as far as the time that it ran is worth."""
        budget = BURST_BYTES + int(self.seconds * BYTES_PER_SECOND)
        for source in self.sources:
            if source.tap is not None:
                if source.tap.may_fail:
                    return True
            elif _file_may_fail(source, budget):
                return True
        return False


def run(command: Sequence[str]) -> Ran:
    """Runs the command to its end.

    Raises:
        child.CannotRun: no such program, or it can't be run.
    """
    closed = _hold_standard_descriptors()
    began, clock, kills = time.time(), time.monotonic(), _memory_kills()
    plans = _plan(closed)
    own_group = not _has_terminal()
    blocked = supervise.Blocked()
    try:
        streams = {number: plan.given for plan in plans for number in plan.numbers if plan.given is not None}
        ignored = [signal.SIGCHLD] if blocked.child_ignored else []
        pid = child.start(command, streams, closed=closed, own_group=own_group, mask=blocked.before, ignored=ignored)
        relays = [relay for plan in plans if (relay := plan.opened()) is not None]
        for relay in relays:
            relay.start()
        _thread.start_new_thread(_prepare, ())
        resizers = [plan.terminal.resize for plan in plans if plan.terminal is not None]
        status = supervise.wait(pid, blocked, own_group=own_group, resized=resizers)
        _finish(relays, pid)
    finally:
        blocked.release()
    seconds, more = time.monotonic() - clock, _memory_kills()
    kills = more - kills if more is not None and kills is not None else None
    return Ran(status, [plan.source for plan in plans], began, seconds, kills)


class _Plan:
    """How one stream is passed through: the descriptors it stands for, what the command is given, and what this end does."""

    def __init__(self, numbers: tuple[int, ...]) -> None:
        self.numbers = numbers
        self.given: int | None = None
        self.terminal: Terminal | None = None
        self.source = Source(tuple(_NAMES[number] for number in numbers))
        self._ours = -1

    def relayed(self) -> None:
        tap = Tap()
        self.source = Source(self.source.names, tap=tap)
        if os.isatty(self.numbers[0]):
            from advisor.running.terminal import Terminal

            self.terminal = Terminal(self.numbers[0])
            self._ours, self.given = self.terminal.ours, self.terminal.theirs
        else:
            self._ours, self.given = pipe()

    def opened(self) -> Relay | None:
        """The relay of the stream, once the command has its end."""
        if self.given is None or self.source.tap is None:
            return None
        from advisor.running.relay import Relay

        os.close(self.given)
        return Relay(self._ours, self.numbers[0], self.source.tap, piped=self.terminal is None)


_SHORT_SECONDS = 0.05
_NAMES = {1: "stdout", 2: "stderr"}


def _plan(closed: set[int]) -> list[_Plan]:
    there = [number for number in (1, 2) if number not in closed]
    plans = [_Plan((1, 2))] if len(there) == 2 and _same(1, 2) else [_Plan((number,)) for number in there]
    dropped = [plan for plan in plans if _is_nowhere(plan.numbers[0])]
    for plan in plans:
        if plan in dropped and len(dropped) < len(plans):
            continue
        file = _readable_file(plan.numbers[0])
        if file is None:
            plan.relayed()
        else:
            plan.source = Source(plan.source.names, file=file)
    return [plan for plan in plans if plan.source.tap or plan.source.file]


def _same(one: int, other: int) -> bool:
    """Whether two descriptors lead to the same place, so that the order of what is written there must stay."""
    return os.path.samestat(os.fstat(one), os.fstat(other))


def _is_nowhere(number: int) -> bool:
    try:
        return os.path.samestat(os.fstat(number), os.stat(os.devnull))
    except OSError:
        return False


def _readable_file(number: int) -> tuple[int, int] | None:
    """For a regular file: a descriptor of its own to read it with, and where the command will begin to write."""
    found = os.fstat(number)
    if not stat.S_ISREG(found.st_mode):
        return None
    try:
        reader = os.open(f"/proc/self/fd/{number}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    import fcntl

    appends = fcntl.fcntl(number, fcntl.F_GETFL) & os.O_APPEND
    return reader, found.st_size if appends else os.lseek(number, 0, os.SEEK_CUR)


def file_of(source: Source) -> tuple[BinaryIO, int] | None:
    """The file that the command wrote, at the place where it began, and how many bytes are there; None where there is none."""
    if source.file is None:
        return None
    descriptor, start = source.file
    size = os.fstat(descriptor).st_size
    start = start if start <= size else 0  # it was cut short meanwhile
    stream = os.fdopen(descriptor, "rb", closefd=False)
    stream.seek(start)
    return stream, size - start


def _file_may_fail(source: Source, budget: int) -> bool:
    """Whether the file tells of a failure in its last `budget` bytes."""
    found = file_of(source)
    if found is None or not found[1]:
        return False
    from advisor.signs import may_fail

    stream, size = found
    stream.seek(max(0, size - budget), os.SEEK_CUR)
    over = b""
    while budget > 0 and (data := stream.read(min(budget, 2**20))):
        if may_fail(over + data):
            return True
        over, budget = data[-256:], budget - len(data)
    return False


def _memory_kills() -> int | None:
    """How many processes Linux has ended for want of memory since it started."""
    try:
        with open("/proc/vmstat", "rb") as file:
            _, found, rest = file.read().partition(b"\noom_kill ")
    except OSError:
        return None
    return int(rest.split()[0]) if found else None


def _has_terminal() -> bool:
    """Whether a terminal controls this process: it sends its signals to the whole group."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _hold_standard_descriptors() -> set[int]:
    """The standard descriptors that this process was started without; they are filled, so that nothing else gets their numbers."""
    closed = set()
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            closed.add(number)
            os.open(os.devnull, os.O_RDWR)
    return closed


def _prepare() -> None:
    """Imports what the end of the command needs, in the time that it runs; one that ends at once has said little, and needs less."""
    time.sleep(_SHORT_SECONDS)
    try:
        from advisor.signs import finder

        finder()
    except Exception:  # noqa: S110 - the end of the command meets it again, and says so
        pass


def _finish(relays: Sequence[Relay], pid: int) -> None:
    """Waits until all that the command said has gone on; a process that it left behind keeps its stream through a helper."""
    for relay in relays:
        relay.stop()
    for relay in relays:
        relay.finish()
    left = [relay for relay in relays if not relay.ended]
    if left:
        _left_behind(left, pid)


def _left_behind(relays: Sequence[Relay], pid: int) -> None:
    """Passes on what processes write that outlive the command, in a process of its own, so that this one ends when the command does."""
    import contextlib

    from advisor.running.relay import Relay

    if os.fork():
        for relay in relays:
            os.close(relay.source)
        return
    try:
        with contextlib.suppress(OSError):  # nobody of its group is left, or it had none of its own
            os.setpgid(0, pid)
        again = [Relay(relay.source, relay.target, Tap(), piped=relay.piped) for relay in relays]
        used = {0, 1, 2} - {relay.target for relay in again}
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in used:
            os.dup2(nowhere, number)
        for relay in again:
            relay.start()
        for relay in again:
            relay.join()
    finally:
        os._exit(0)
