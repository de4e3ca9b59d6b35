"""Texts judged on a Ray cluster: the same chunks and records as on one machine, written by the driver alone, so that none is doubled.

A chunk whose worker or machine dies is tried again by Ray; where that does not help it is judged text by text, each without another
try, so that a text that kills its worker costs only itself. A folder's files are read by the driver: other machines may not have them.
"""

from __future__ import annotations

import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from msgspec.structs import replace

from advisor.errors import AdvisorError, InputError
from advisor.triage.items import Item
from advisor.triage.judge import Judge, Setup, failed, text_of_file
from advisor.triage.record import Record

CHUNK = 64
TRIES = 3
_judges: dict[bytes, Judge] = {}


def judged_by_ray(
    items: Iterator[Item], setup: Setup, address: str, timeout: float, chunk: int = CHUNK
) -> Iterator[list[Record]]:
    """The records of all items, in no certain order; each item has exactly one.

    Args:
        address: of the cluster; empty starts one on this machine, or takes the one that RAY_ADDRESS names.
        timeout: seconds that one text may take.

    Raises:
        InputError: ray is not installed, or there is no cluster.
    """
    ray = _library()
    mine = not ray.is_initialized()
    if mine:
        try:
            ray.init(address=address or None, logging_level="warning", log_to_driver=False, include_dashboard=False)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise InputError(f"no cluster: {str(error)[:300]}", place="--engine ray") from None
    try:
        yield from _Driver(ray, items, setup, timeout, chunk).run()
    finally:
        if mine:
            ray.shutdown()


def _library() -> Any:
    try:
        import ray
    except ImportError:
        hint = "pip install 'vram-advisor[ray]', or leave --engine out: one machine needs nothing."
        raise InputError("needs ray, which is not installed", place="--engine ray", hint=hint) from None
    return ray


def judge_chunk(given: bytes, data: bytes, timeout: float) -> bytes:
    """What runs on a worker: encoded items in, encoded records out. The rules are loaded once in each process."""
    judge = _judges.get(given)
    if judge is None:
        judge = _judges[given] = Judge(msgspec.msgpack.decode(given, type=Setup))
        judge.warm()
    records = []
    for item in msgspec.msgpack.decode(data, type=list[Item]):
        with _Limit(timeout):
            records.append(judge(item))
    return msgspec.msgpack.encode(records)


class _Driver:
    def __init__(self, ray: Any, items: Iterator[Item], setup: Setup, timeout: float, size: int) -> None:
        self._ray, self._items, self._timeout, self._size = ray, items, timeout, size
        self._setup = ray.put(msgspec.msgpack.encode(setup))
        run: Callable[[bytes, bytes, float], bytes] = judge_chunk
        self._task = ray.remote(run)
        self._again: deque[Item] = deque()
        self._waiting: dict[Any, list[Item]] = {}

    def run(self) -> Iterator[list[Record]]:
        while True:
            self._feed()
            if not self._waiting:
                return
            ready, _ = self._ray.wait(list(self._waiting), num_returns=1)
            for reference in ready:
                if records := self._records(reference, self._waiting.pop(reference)):
                    yield records

    def _feed(self) -> None:
        """Keeps twice as many chunks on their way as the cluster has processors: none idles, and memory is bounded."""
        processors = int(self._ray.cluster_resources().get("CPU", 1))
        while len(self._waiting) < 2 * max(1, processors):
            if self._again:
                chunk, tries = [self._again.popleft()], 0
            else:
                chunk, tries = self._next(), TRIES
            if not chunk:
                return
            task = self._task.options(max_retries=tries, num_cpus=1)
            self._waiting[task.remote(self._setup, msgspec.msgpack.encode(chunk), self._timeout)] = chunk

    def _next(self) -> list[Item]:
        chunk: list[Item] = []
        while len(chunk) < self._size and (item := next(self._items, None)) is not None:
            chunk.append(_carried(item))
        return chunk

    def _records(self, reference: Any, chunk: list[Item]) -> list[Record]:
        try:
            return msgspec.msgpack.decode(self._ray.get(reference), type=list[Record])
        except self._ray.exceptions.RayError as error:
            return self._apart(chunk, f"the process that judged it died ({type(error).__name__})")

    def _apart(self, chunk: list[Item], reason: str) -> list[Record]:
        if len(chunk) == 1:
            return [failed(chunk[0], reason)]
        self._again.extend(chunk)
        return []


def _carried(item: Item) -> Item:
    """The item with its text: other machines may not have the file."""
    if not item.path:
        return item
    try:
        text = text_of_file(item.path)
    except (AdvisorError, OSError) as error:
        return replace(item, error=str(error))
    return replace(item, line=msgspec.json.encode({"text": text}))


class _Limit:
    """Interrupts what takes longer than so many seconds; without effect outside of a process's main thread."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._works = threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")

    def __enter__(self) -> None:
        if self._works:
            self._before = signal.signal(signal.SIGALRM, self._over)
            signal.setitimer(signal.ITIMER_REAL, self._seconds)

    def __exit__(self, *error: object) -> None:
        if self._works:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._before)

    def _over(self, number: int, frame: object) -> None:
        raise InputError(f"took longer than {self._seconds:g} s")
