"""What was delivered and what is to be done, in SQLite: names of repositories and numbers of issues, never anybody's text.

A delivery is remembered by its id and by the digest of its body, since the signature covers the body alone: the same body under a new id is
a replay. A job is the number of an issue to look at; the thread itself is read from GitHub when its turn comes.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from advisor.errors import InputError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS deliveries (
  id TEXT PRIMARY KEY, digest TEXT NOT NULL UNIQUE, received REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS deliveries_received ON deliveries (received);
CREATE TABLE IF NOT EXISTS jobs (
  id INTEGER PRIMARY KEY AUTOINCREMENT, delivery TEXT NOT NULL, installation INTEGER NOT NULL, repository TEXT NOT NULL,
  issue INTEGER NOT NULL, action TEXT NOT NULL, commanded INTEGER NOT NULL, again INTEGER NOT NULL,
  state TEXT NOT NULL, attempts INTEGER NOT NULL, due REAL NOT NULL, received REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS jobs_due ON jobs (state, due);
"""
_COLUMNS = "id, delivery, installation, repository, issue, action, commanded, again, attempts"


class Job(Struct, frozen=True):
    """An issue to look at, because of the delivery named and of those `merged` into it; `commanded` and `again` as in `event.Event`."""

    id: int
    delivery: str
    installation: int
    repository: str
    issue: int
    action: str
    commanded: bool = False
    again: bool = False
    attempts: int = 0
    merged: tuple[str, ...] = ()


class Store:
    """Deliveries and jobs. One object serves all threads; several processes may share the file.

    Args:
        path: of the database; `:memory:` for none.
        ttl: seconds for which deliveries are remembered; GitHub lets people redeliver for three days.
        most: waiting jobs; more are refused.
        clock: the time in seconds.
    """

    def __init__(
        self, path: str | Path, *, ttl: float = 7 * 86_400, most: int = 20_000, clock: Callable[[], float] = time.time
    ) -> None:
        self.ttl = ttl
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        try:
            self._db = sqlite3.connect(str(path), timeout=10, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise InputError(f"can't be used as a database: {error}", place=str(path)) from None

    def close(self) -> None:
        """Closes the file; nothing may be asked of the store any more."""
        with self._lock:
            self._db.close()

    def receive(self, delivery: str, body: bytes, job: Job | None) -> Literal["queued", "noted", "duplicate", "full"]:
        """Remembers a delivery and, with a job, what is to be done; all of it or, after a crash, nothing.

        A delivery that was seen is a `duplicate`, unless its job failed for good: then a redelivery takes it up again.
        """
        digest = hashlib.sha256(body).hexdigest()
        with self._transaction() as db:
            seen = db.execute("SELECT id FROM deliveries WHERE id = ? OR digest = ?", (delivery, digest)).fetchall()
            if seen:
                again = db.execute(
                    "UPDATE jobs SET state = 'waiting', attempts = 0, due = ? WHERE delivery = ? AND state = 'failed'",
                    (self._clock(), delivery),
                )
                return "queued" if again.rowcount else "duplicate"
            if job is not None and self._waiting(db) >= self._most:
                return "full"
            now = self._clock()
            db.execute("INSERT INTO deliveries VALUES (?, ?, ?)", (delivery, digest, now))
            if job is None:
                return "noted"
            db.execute(
                "INSERT INTO jobs (delivery, installation, repository, issue, action, commanded, again, state, attempts, due, received)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, 'waiting', 0, ?, ?)",
                (delivery, job.installation, job.repository, job.issue, job.action, job.commanded, job.again, now, now),
            )
            return "queued"

    def take(self) -> Job | None:
        """The next job that is due and whose issue nobody works on; jobs of the same issue that wait are taken with it, as one."""
        now = self._clock()
        with self._transaction() as db:
            row = db.execute(
                f"SELECT {_COLUMNS} FROM jobs AS job WHERE state = 'waiting' AND due <= ? AND NOT EXISTS ("  # noqa: S608
                "SELECT 1 FROM jobs AS other WHERE other.state = 'running'"
                " AND other.repository = job.repository AND other.issue = job.issue) ORDER BY due, id LIMIT 1",
                (now,),
            ).fetchone()
            if row is None:
                return None
            job = _job(row)
            same = "state = 'waiting' AND repository = ? AND issue = ? AND id != ?"
            key = (job.repository, job.issue, job.id)
            others = [
                _job(other) for other in db.execute(f"SELECT {_COLUMNS} FROM jobs WHERE {same}", key).fetchall()  # noqa: S608
            ]  # fmt: skip
            together = [job, *others]
            fresh = [item.action for item in together if item.action in ("opened", "reopened")]
            commanded, again = any(item.commanded for item in together), any(item.again for item in together)
            action = fresh[0] if fresh else job.action
            db.execute(f"DELETE FROM jobs WHERE {same}", key)  # noqa: S608
            db.execute(
                "UPDATE jobs SET state = 'running', attempts = attempts + 1, action = ?, commanded = ?, again = ? WHERE id = ?",
                (action, commanded, again, job.id),
            )
            merged = tuple(item.delivery for item in others)
            return replace(
                job, action=action, commanded=commanded, again=again, attempts=job.attempts + 1, merged=merged
            )  # fmt: skip

    def done(self, job: Job) -> None:
        """The job is finished."""
        with self._transaction() as db:
            db.execute("DELETE FROM jobs WHERE id = ?", (job.id,))

    def later(self, job: Job, seconds: float) -> None:
        """The job waits again, for `seconds`."""
        with self._transaction() as db:
            db.execute("UPDATE jobs SET state = 'waiting', due = ? WHERE id = ?", (self._clock() + seconds, job.id))

    def failed(self, job: Job) -> None:
        """The job is given up; a redelivery takes it up again until the delivery is forgotten."""
        with self._transaction() as db:
            db.execute("UPDATE jobs SET state = 'failed' WHERE id = ?", (job.id,))

    def recover(self) -> int:
        """Jobs that were running when a process died wait again; to be called before any worker starts. Their number."""
        with self._transaction() as db:
            return int(db.execute("UPDATE jobs SET state = 'waiting' WHERE state = 'running'").rowcount)

    def forget(self) -> int:
        """Forgets deliveries and failed jobs older than the TTL; the number of deliveries."""
        before = self._clock() - self.ttl
        with self._transaction() as db:
            db.execute("DELETE FROM jobs WHERE state = 'failed' AND received < ?", (before,))
            return int(db.execute("DELETE FROM deliveries WHERE received < ?", (before,)).rowcount)

    def counts(self) -> dict[str, int]:
        """How many jobs there are in each state. Raises sqlite3.Error where the file can't be used."""
        with self._lock:
            rows = self._db.execute("SELECT state, count(*) FROM jobs GROUP BY state").fetchall()
        return {"waiting": 0, "running": 0, "failed": 0} | {str(state): int(count) for state, count in rows}

    def check(self) -> None:
        """Writes to the file and takes it back. Raises sqlite3.Error where that is impossible."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("ROLLBACK")

    @staticmethod
    def _waiting(db: sqlite3.Connection) -> int:
        return int(db.execute("SELECT count(*) FROM jobs WHERE state = 'waiting'").fetchone()[0])

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")


def _job(row: tuple[object, ...]) -> Job:
    number, delivery, installation, repository, issue, action, commanded, again, attempts = row
    return Job(
        int(str(number)), str(delivery), int(str(installation)), str(repository), int(str(issue)), str(action), bool(commanded),
        bool(again), int(str(attempts)),
    )  # fmt: skip
