"""PyTorch's memory snapshots: a foreign pickle in, what held the memory out.

The file is read in a process of its own, with limits on memory and time, by an unpickler that refuses everything but plain containers;
what comes back is a small summary in JSON.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec

from advisor.errors import InputError
from advisor.snapshot.child import EXIT_MEMORY, EXIT_REFUSED
from advisor.snapshot.summary import Summary
from advisor.snapshot.testimony import witness_of

__all__ = ["MAX_BYTES", "Summary", "read_snapshot", "witness_of"]

MAX_BYTES = 2 * 2**30
_MAX_ANSWER = 2**24
_HINT = "torch.cuda.memory._dump_snapshot('snapshot.pickle') writes one; see docs/snapshots.md."
# A container of a pickle takes some ten times its bytes in memory.
_BASE_MEMORY, _MEMORY_PER_BYTE = 2**30, 24
_BASE_SECONDS, _SECONDS_PER_MIB = 30, 1.0


def read_snapshot(path: str | Path, *, max_bytes: int = MAX_BYTES) -> Summary:
    """The summary of a snapshot's file.

    Args:
        path: what `torch.cuda.memory._dump_snapshot` wrote, or a pickle of `torch.cuda.memory._snapshot()`.
        max_bytes: a larger file is refused.

    Raises:
        InputError: it can't be read, is no snapshot, holds code, or takes more memory or time than its size explains.
    """
    place = str(path)
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > max_bytes:
                hint = "Record fewer entries (max_entries=...), or raise the limit with --max-size."
                raise InputError(f"is larger than {max_bytes // 2**20} MiB", place=place, hint=hint)
            return _read(file, size, place)
    except IsADirectoryError:
        raise InputError("is a folder", place=place, hint=_HINT) from None
    except OSError as error:
        raise InputError(error.strerror or str(error), place=place, hint=_HINT) from None


def _read(file: object, size: int, place: str) -> Summary:
    memory = _BASE_MEMORY + _MEMORY_PER_BYTE * size
    seconds = int(_BASE_SECONDS + _SECONDS_PER_MIB * size / 2**20)
    home = str(Path(__file__).resolve().parents[2])
    paths = [home, *([os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else [])]
    command = [sys.executable, "-P", "-m", "advisor.snapshot.child", str(memory), str(seconds)]
    try:
        done = subprocess.run(  # noqa: S603 - our own module, the file only as standard input
            command,
            stdin=file,  # type: ignore[call-overload]
            capture_output=True,
            timeout=10 * seconds,  # of a machine that has other things to do
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
    except subprocess.TimeoutExpired:
        raise _too_much("time", place) from None
    if done.returncode == 0 and len(done.stdout) <= _MAX_ANSWER:
        return msgspec.json.decode(done.stdout, type=Summary)
    if done.returncode == EXIT_REFUSED:
        raise InputError(
            f"is no memory snapshot: {done.stdout.decode('utf-8', 'replace')[:500]}", place=place, hint=_HINT
        )
    if done.returncode == EXIT_MEMORY:
        raise _too_much("memory", place)
    if done.returncode < 0:
        raise _too_much("time or memory", place)
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    raise InputError(f"could not be read: {said[-1][:300] if said else done.returncode}", place=place, hint=_HINT)


def _too_much(what: str, place: str) -> InputError:
    return InputError(f"takes more {what} than a snapshot of its size: refused", place=place, hint=_HINT)
