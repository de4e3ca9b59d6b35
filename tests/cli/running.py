"""Real processes for the tests of `advisor run` and `advisor watch-log`."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ADVISOR = [sys.executable, "-m", "advisor"]
OOM = (
    "Traceback (most recent call last):\n"
    '  File "/w/train.py", line 12, in step\n    loss.backward()\n'
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU {gpu} has a total capacity of 23.65 GiB of which "
    "1.10 GiB is free. Including non-PyTorch memory, this process has 22.50 GiB memory in use. Of the allocated memory 21.90 GiB is "
    "allocated by PyTorch, and 200.00 MiB is reserved by PyTorch but unallocated.\n"
)


def advisor(*arguments: str, data: bytes = b"", **options: object) -> subprocess.CompletedProcess[bytes]:
    """`advisor` with these arguments, its output taken."""
    return subprocess.run(
        [*ADVISOR, *arguments],
        input=data,
        capture_output=True,
        timeout=120,
        check=False,
        **options,  # type: ignore[call-overload]
    )


def started(*arguments: str, **options: object) -> subprocess.Popen[bytes]:
    """`advisor` with these arguments, running in a session of its own."""
    given = {
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "stdin": subprocess.DEVNULL,
        "start_new_session": True,
        **options,
    }
    return subprocess.Popen([*ADVISOR, *arguments], **given)  # type: ignore[call-overload]


def eventually(holds: Callable[[], object], seconds: float = 60.0) -> None:
    """Waits until something holds; fails when it never does."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def script(folder: Path, name: str, text: str) -> str:
    """A Python script in the folder; its path."""
    path = folder / name
    path.write_text(text)
    return str(path)


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z" and os.path.exists(f"/proc/{pid}")


class Screen:
    """A command on a terminal of its own, with what it printed so far."""

    def __init__(self, *arguments: str, rows: int = 31, columns: int = 97) -> None:
        self.pid, self.ends = pty.fork()
        if not self.pid:
            import fcntl
            import struct
            import termios

            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execvp(ADVISOR[0], [*ADVISOR, *arguments])
        self.text = b""

    def read(self) -> bytes:
        while select.select([self.ends], [], [], 0)[0]:
            try:
                data = os.read(self.ends, 65536)
            except OSError:
                break
            if not data:
                break
            self.text += data
        return self.text

    def until(self, text: bytes) -> None:
        eventually(lambda: text in self.read())

    def type(self, text: bytes) -> None:
        os.write(self.ends, text)

    def status(self) -> int:
        ended = [0, 0]

        def over() -> bool:
            self.read()
            ended[:] = os.waitpid(self.pid, os.WNOHANG)
            return bool(ended[0])

        eventually(over)
        return os.waitstatus_to_exitcode(ended[1])
