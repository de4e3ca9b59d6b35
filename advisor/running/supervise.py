"""Waits for a command: signals go on to it, its stops and its end come back, its status is what a shell would show.

At a terminal the command stays in the process group of this process: what the terminal sends (Ctrl-C, Ctrl-Z) reaches it anyway, and
only what another process sends is forwarded. Away from a terminal it leads a group of its own, and every signal goes to that group,
once.
"""

from __future__ import annotations

import os

from advisor.running.signals import signal

TYPE_CHECKING = False  # `typing` is not imported before the command starts
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_NAMES = (
    "SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGTSTP", "SIGCONT",
    "SIGWINCH", "SIGALRM", "SIGURG", "SIGIO", "SIGPWR",
)  # fmt: skip
_FROM_KERNEL = 0x80  # si_code SI_KERNEL of Linux: the terminal


def forwarded() -> set[signal.Signals]:
    """The signals that a command gets: those that this process was not told to ignore."""
    known = (getattr(signal, name, None) for name in _NAMES)
    return {number for number in known if number is not None and signal.getsignal(number) != signal.SIG_IGN}


class Blocked:
    """The forwarded signals and SIGCHLD, held back from this process to be taken one by one.

    Attributes:
        before: the signals that were held back when this process began.
        child_ignored: this process had been told to ignore the end of its children.
    """

    def __init__(self) -> None:
        self.signals = {*forwarded(), signal.SIGCHLD}
        self.child_ignored = signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN
        if self.child_ignored:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self.before = signal.pthread_sigmask(signal.SIG_BLOCK, self.signals)

    def take(self) -> tuple[int, bool]:
        """The next signal, and whether the terminal sent it."""
        if hasattr(signal, "sigwaitinfo"):
            info = signal.sigwaitinfo(self.signals)
            return info.si_signo, info.si_code == _FROM_KERNEL
        return int(signal.sigwait(self.signals)), False

    def release(self) -> None:
        """Signals reach this process again; those that came for the command are dropped."""
        while self.signals & signal.sigpending():
            self.take()
        signal.pthread_sigmask(signal.SIG_SETMASK, self.before)


def wait(pid: int, blocked: Blocked, *, own_group: bool, resized: Iterable[Callable[[], None]] = ()) -> int:
    """The command's status when it has ended: its own, or 128 and the signal's number.

    Args:
        own_group: the command leads a process group, and signals go to all of it.
        resized: called before SIGWINCH is forwarded.
    """
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status) if not os.WIFSIGNALED(status) else 128 + os.WTERMSIG(status)
        number, from_terminal = blocked.take()
        if number == signal.SIGCHLD:
            continue
        if number == signal.SIGWINCH:
            for follow in resized:
                follow()
        if own_group or not from_terminal or number == signal.SIGWINCH:
            _send(pid, number, group=own_group)
        if number == signal.SIGTSTP:
            os.kill(os.getpid(), signal.SIGSTOP)


def _send(pid: int, number: int, *, group: bool) -> None:
    try:
        if group:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass  # it has just ended, or runs as somebody else
