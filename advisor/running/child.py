"""A command started as a shell would start it: its own streams, its signals as they were, statuses 126 and 127 where it can't run."""

from __future__ import annotations

import errno
import os
import sys

from advisor.running.signals import signal
from advisor.running.system import function

TYPE_CHECKING = False  # `typing` is not imported before the command starts
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

NOT_FOUND = 127
NOT_RUNNABLE = 126


class CannotRun(Exception):
    """The command could not be started. `status` is what a shell ends with."""

    def __init__(self, command: str, code: int) -> None:
        self.status = NOT_FOUND if code in (errno.ENOENT, errno.ENOTDIR) else NOT_RUNNABLE
        reason = "command not found" if self.status == NOT_FOUND else os.strerror(code)
        super().__init__(f"{command}: {reason}")


def start(
    command: Sequence[str],
    streams: Mapping[int, int],
    *,
    closed: Iterable[int] = (),
    own_group: bool,
    mask: Iterable[int],
    ignored: Iterable[int] = (),
) -> int:
    """Starts the command and gives its process id.

    Args:
        command: the program, found on PATH, and its arguments.
        streams: descriptors of the command (1, 2) to descriptors of this process; what is not named is inherited.
        closed: descriptors that the command has to find closed.
        own_group: the command leads a process group of its own.
        mask: signals that were blocked when this process began.
        ignored: signals that this process found ignored and changed.

    Raises:
        CannotRun: no such program, or it can't be run.
    """
    report_read, report_write = os.pipe()
    die = _die_with_parent()
    parent = os.getpid()
    pid = os.fork()
    if pid:
        os.close(report_write)
        told = os.read(report_read, 16)
        os.close(report_read)
        if told:
            os.waitpid(pid, 0)
            raise CannotRun(command[0], int(told))
        return pid
    code = errno.EINVAL
    try:
        if own_group:
            os.setpgid(0, 0)
        if die is not None:
            die()
        if os.getppid() != parent:
            os._exit(128 + signal.SIGTERM)
        for descriptor, given in streams.items():
            os.dup2(given, descriptor)
        for descriptor in closed:
            os.close(descriptor)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)  # Python ignores them, a command does not
        for ignore in ignored:
            signal.signal(ignore, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        code = _exec(command)
    except OSError as error:
        code = error.errno or errno.EINVAL
    finally:
        os.write(report_write, str(code).encode())
        os._exit(NOT_RUNNABLE)


def _exec(command: Sequence[str]) -> int:
    """Replaces this process, or gives the error number. A script without a first line goes to the shell, as execvp(3) does."""
    found = errno.ENOENT
    for path in _paths(command[0]):
        try:
            os.execv(path, list(command))  # noqa: S606 - it is what was asked for
        except OSError as error:
            code = error.errno or errno.EINVAL
        if code == errno.ENOEXEC:
            try:
                os.execv("/bin/sh", ["sh", path, *command[1:]])  # noqa: S606
            except OSError as error:
                return error.errno or errno.EINVAL
        if code not in (errno.ENOENT, errno.ENOTDIR):
            found = code  # there, but it can't be run: the search goes on, as execvp(3) does
            if code != errno.EACCES:
                break
    return found


def _paths(name: str) -> list[str]:
    """Where a program may be. (`os.execvp` imports `warnings` for this.)"""
    if os.sep in name:
        return [name]
    return [os.path.join(folder, name) for folder in os.environ.get("PATH", os.defpath).split(os.pathsep)]


def _die_with_parent() -> Callable[[], int] | None:
    """On Linux: a function that has the command ended when this process is killed, for it could not forward that."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = function("prctl")
    return None if prctl is None else lambda: prctl(1, int(signal.SIGTERM), 0, 0, 0)  # PR_SET_PDEATHSIG
