"""Pipes with large buffers: fewer and larger pieces, and a command that need not wait for being watched."""

from __future__ import annotations

import os

PIPE_BYTES = 2**20


def pipe(size: int = PIPE_BYTES) -> tuple[int, int]:
    """A pipe whose buffer is as large as the system allows, up to `size`."""
    ends = os.pipe()
    widen(ends[1], size)
    return ends


def widen(end: int, size: int = PIPE_BYTES) -> None:
    """Gives a pipe a buffer of `size` where it has a smaller one and the system allows it; other files stay as they are."""
    import fcntl

    if hasattr(fcntl, "F_SETPIPE_SZ"):
        try:
            if fcntl.fcntl(end, fcntl.F_GETPIPE_SZ) < size:
                fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, size)
        except OSError:
            pass  # no pipe, or the user's share of pipe buffers is used up: the usual size does
