"""Short writes of many threads in one transaction: when a crowd comes, the disk is waited for once, not once for each."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from sqlalchemy import Connection

from bots.slack.store.database import Database

T = TypeVar("T")
MOST = 64
PATIENCE_S = 30.0


class Together:
    """Runs writes in a thread of its own, as many as wait in one transaction; each caller gets its result after the commit.

    Args:
        database: where.
        relaxed: see `Database.write`; else the writes are durable.
    """

    def __init__(self, database: Database, *, relaxed: bool = False) -> None:
        self._database, self._relaxed = database, relaxed
        self._waiting: SimpleQueue[tuple[Callable[[Connection], Any], Future[Any]]] = SimpleQueue()
        threading.Thread(target=self._loop, name="together", daemon=True).start()

    def __call__(self, write: Callable[[Connection], T]) -> T:
        """The result of `write`, once it is committed. Raises what it raised, or what the commit raised."""
        future: Future[T] = Future()
        self._waiting.put((write, future))
        return future.result(timeout=PATIENCE_S)

    def _loop(self) -> None:
        while True:
            batch = [self._waiting.get()]
            while len(batch) < MOST:
                try:
                    batch.append(self._waiting.get_nowait())
                except Empty:
                    break
            self._commit(batch)

    def _commit(self, batch: list[tuple[Callable[[Connection], Any], Future[Any]]]) -> None:
        try:
            with self._database.write(durable=not self._relaxed, relaxed=self._relaxed) as connection:
                results = [write(connection) for write, _ in batch]
        except Exception as error:
            if len(batch) == 1:
                batch[0][1].set_exception(error)
                return
            for one in batch:  # nobody pays for another one's fault
                self._commit([one])
            return
        for (_, future), result in zip(batch, results, strict=True):
            future.set_result(result)
