"""Texts judged by several processes of one machine: a process that dies or hangs costs the one text that it died of.

Each worker has one chunk at a time. When a worker dies or takes too long, its chunk is judged again text by text, so that the text at
fault is found; that one gets an error, and all others get their judgement.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from typing import Any

import msgspec

from advisor.triage.items import Item
from advisor.triage.judge import Judge, Setup, failed, judged
from advisor.triage.record import Record

CHUNK = 32
_SECONDS_PER_CHUNK = 0.25  # chunks shrink until one takes about this long: progress and a stop come soon
_READ = msgspec.msgpack.Decoder(list[Item]).decode
_RECORDS = msgspec.msgpack.Decoder(list[Record]).decode
_WRITE = msgspec.msgpack.Encoder().encode


def judged_by_processes(
    items: Iterator[Item], setup: Setup, jobs: int, timeout: float, judge: Judge | None = None
) -> Iterator[list[Record]]:
    """The records of all items, in no certain order; each item has exactly one.

    Args:
        jobs: worker processes.
        timeout: seconds that one text may take.
        judge: made and warmed already; workers made by fork share it.
    """
    pool = _Pool(items, setup, max(1, jobs), timeout, judge)
    try:
        yield from pool.run()
    finally:
        pool.end()


class _Worker:
    def __init__(self, setup: Setup, judge: Judge | None) -> None:
        method = "fork" if sys.platform.startswith("linux") else "spawn"
        context: Any = multiprocessing.get_context(method)
        self.ours, theirs = context.Pipe()
        given = judge if method == "fork" else None
        self.process = context.Process(target=_work, args=(theirs, self.ours, setup, given), daemon=True)
        self.process.start()
        theirs.close()
        self.chunk: list[Item] = []
        self.began = 0.0

    def give(self, chunk: list[Item]) -> None:
        self.chunk, self.began = chunk, time.monotonic()
        self.ours.send_bytes(_WRITE(chunk))

    def end(self) -> None:
        self.ours.close()
        self.process.kill()
        self.process.join()
        self.process.close()


def _work(pipe: Connection, other_end: Connection, setup: Setup, judge: Judge | None) -> None:
    """A worker's life: chunks in, records out, until the other end is closed."""
    other_end.close()  # else this process would keep its own pipe open when the parent has gone
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    if judge is None:
        judge = Judge(setup)
        judge.warm()
    parent = os.getppid()
    while True:
        while not pipe.poll(5.0):
            if os.getppid() != parent:
                return
        try:
            chunk = _READ(pipe.recv_bytes())
            pipe.send_bytes(_WRITE(judged(judge, chunk)))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return


class _Pool:
    def __init__(self, items: Iterator[Item], setup: Setup, jobs: int, timeout: float, judge: Judge | None) -> None:
        self._items, self._setup, self._jobs, self._timeout, self._judge = items, setup, jobs, timeout, judge
        self._workers: list[_Worker] = []
        self._again: deque[Item] = deque()  # judged alone, because a worker died of one of them
        self._size = 1
        self._exhausted = False

    def run(self) -> Iterator[list[Record]]:
        while True:
            self._feed()
            busy = {worker.ours: worker for worker in self._workers if worker.chunk}
            if not busy:
                return
            for pipe in wait(list(busy), timeout=0.5):
                yield self._taken(busy[pipe])
            for worker in list(busy.values()):
                if worker.chunk and time.monotonic() - worker.began > self._timeout * len(worker.chunk):
                    yield self._lost(worker, f"took longer than {self._timeout:g} s")

    def end(self) -> None:
        for worker in self._workers:
            worker.end()
        self._workers = []

    def _feed(self) -> None:
        """Gives every idle worker a chunk, and starts workers while there is something for them."""
        while True:
            idle = next((worker for worker in self._workers if not worker.chunk), None)
            if idle is None and len(self._workers) >= self._jobs:
                return
            chunk = self._next()
            if not chunk:
                return
            if idle is None:
                idle = _Worker(self._setup, self._judge)
                self._workers.append(idle)
            try:
                idle.give(chunk)
            except (BrokenPipeError, ConnectionResetError):  # it has died while it had nothing to do
                self._replace(idle).give(chunk)

    def _next(self) -> list[Item]:
        if self._again:
            return [self._again.popleft()]
        chunk: list[Item] = []
        while len(chunk) < self._size and not self._exhausted:
            item = next(self._items, None)
            if item is None:
                self._exhausted = True
            else:
                chunk.append(item)
        return chunk

    def _taken(self, worker: _Worker) -> list[Record]:
        try:
            records = _RECORDS(worker.ours.recv_bytes())
        except (EOFError, ConnectionResetError, OSError):
            return self._lost(worker, "the process that judged it died")
        seconds = (time.monotonic() - worker.began) / max(1, len(records))
        self._size = max(1, min(CHUNK, int(_SECONDS_PER_CHUNK / max(seconds, 1e-6))))
        worker.chunk = []
        return records

    def _lost(self, worker: _Worker, reason: str) -> list[Record]:
        """The worker is gone: its only text is at fault, or each of its texts is judged again alone."""
        chunk = worker.chunk
        self._replace(worker)
        if len(chunk) == 1:
            return [failed(chunk[0], reason)]
        self._again.extend(chunk)
        return []

    def _replace(self, worker: _Worker) -> _Worker:
        worker.end()
        new = _Worker(self._setup, self._judge)
        self._workers[self._workers.index(worker)] = new
        return new
