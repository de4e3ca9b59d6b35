"""A long file looked through by several processes at once, each a stretch of it: where signs of failure are, and how many lines.

The work is bound by one core's speed; processes that are forked share the automaton and cost a few milliseconds each. Only for
regular files on Linux, in a process without other threads; everything else streams through one process.
"""

from __future__ import annotations

import os
import sys
import threading
from array import array
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise

from msgspec import Struct

SMALLEST = 2**28
"""Below this size of a file, in bytes, the processes cost more than they save."""
MOST_WORKERS = 4
_END = -1  # closes what a worker sends, so that a broken answer is told from a whole one

SignsOf = Callable[[bytes, bytes, int], list[int]]


class Scan(Struct):
    """What was found.

    Attributes:
        signs: the numbers of the parts with a sign, in order.
        lines: the line ends of each chunk.
    """

    signs: list[int]
    lines: list[int]


def workers_for(size: int) -> int:
    """How many processes a file of `size` bytes is worth here; 1 where it is better read as a stream."""
    if size < SMALLEST or sys.platform != "linux" or threading.active_count() > 1:
        return 1
    return min(MOST_WORKERS, len(os.sched_getaffinity(0)))


def scan(
    descriptor: int, size: int, chunk: int, part: int, reach: int, signs_of: SignsOf, count: Callable[[bytes], int]
) -> Scan:
    """Look through the first `size` bytes of a file.

    Args:
        chunk, part: bytes of a chunk and of a part; a chunk is a whole number of parts.
        reach: how many bytes of the chunk before are shown to `signs_of`.
        signs_of: (end of the chunk before, chunk, number of its first part) to the numbers of the parts with a sign.
        count: the line ends of a chunk.
    """
    chunks = -(-size // chunk)
    workers = workers_for(size)
    bounds = [chunks * number // workers for number in range(workers + 1)]
    per_chunk = chunk // part

    def stretch(first: int, last: int) -> Scan:
        found = Scan([], [])
        before = os.pread(descriptor, reach, first * chunk - reach) if first else b""
        for number in range(first, last):
            data = _at(descriptor, number * chunk, min(chunk, size - number * chunk))
            found.signs += signs_of(before, data, number * per_chunk)
            found.lines.append(count(data))
            before = data[-reach:]
        return found

    running = [(first, last, *_start(stretch, first, last)) for first, last in pairwise(bounds[1:])]
    whole = stretch(0, bounds[1])
    for first, last, child, pipe in running:
        found = _finish(child, pipe, last - first) or stretch(first, last)
        whole.signs += found.signs
        whole.lines += found.lines
    return whole


def _at(descriptor: int, offset: int, size: int) -> bytes:
    data = os.pread(descriptor, size, offset)
    while len(data) < size and (more := os.pread(descriptor, size - len(data), offset + len(data))):
        data += more
    return data


def _start(stretch: Callable[[int, int], Scan], first: int, last: int) -> tuple[int, int]:
    """A process for a stretch: its number, and where its answer is read from; (0, -1) where none can be had."""
    reads, writes = os.pipe()
    try:
        child = os.fork()
    except OSError:
        os.close(reads)
        os.close(writes)
        return 0, -1
    if child:
        os.close(writes)
        return child, reads
    with suppress(BaseException):  # the parent looks for itself where the answer is not whole
        found = stretch(first, last)
        answer = array("q", [len(found.lines), *found.lines, *found.signs, _END]).tobytes()
        while answer:
            answer = answer[os.write(writes, answer) :]
    os._exit(0)


def _finish(child: int, pipe: int, chunks: int) -> Scan | None:
    """The answer of a process; None where it is not whole."""
    if not child:
        return None
    with os.fdopen(pipe, "rb") as stream:
        answer = stream.read()
    with suppress(ChildProcessError):
        os.waitpid(child, 0)
    numbers = array("q")
    if len(answer) % numbers.itemsize:
        return None
    numbers.frombytes(answer)
    if len(numbers) < chunks + 2 or numbers[0] != chunks or numbers[-1] != _END:
        return None
    return Scan(list(numbers[1 + chunks : -1]), list(numbers[1 : 1 + chunks]))
