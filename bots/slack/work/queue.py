"""The queue: put once per key, claimed under a lease, taken over when its worker dies, emptied when done.

On PostgreSQL a claim locks rows that no other claim waits for (SKIP LOCKED); on SQLite the one write lock orders claims.
Every change of a claimed job names its owner and attempt: a worker that lost its lease changes nothing (`LeaseLost`).
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy import Connection

from bots.slack.needs import QueueFull
from bots.slack.store.base import Part, clean, table_of
from bots.slack.store.database import Database, now
from bots.slack.store.records import StoreError
from bots.slack.store.tables import JobRow, StepRow
from bots.slack.store.together import Together
from bots.slack.work.errors import LeaseLost

jobs = table_of(JobRow)
steps = table_of(StepRow)
PAYLOAD_LIMIT = 1_000_000
"""Characters of a payload's JSON; Slack's own limits (a message of 40,000 characters, a modal of 3,000 a field) are far below."""
COUNT_S = 1.0
"""How often a front counts what waits; in between it counts what it puts in."""
QUEUE_LIMIT = 10_000
"""Requests that may wait; at 10 answers a second that is a quarter of an hour, beyond which nobody waits."""


class Job(Struct, frozen=True, kw_only=True):
    """A claimed job. `attempt` counts the claims; `takeovers` those whose worker died; `age` is seconds since it was put."""

    id: int
    key: str
    token: str
    kind: str
    payload: Mapping[str, Any]
    owner: str
    attempt: int
    takeovers: int
    created_at: float
    age: float


class Depth(Struct, frozen=True):
    """What waits, what is being worked on, and how many seconds the oldest one that is due has waited."""

    ready: int
    leased: int
    oldest: float


class Queue(Part):
    """The queue of one database. Every method is one transaction."""

    def __init__(self, database: Database, *, limit: int = QUEUE_LIMIT, together: Together | None = None) -> None:
        super().__init__(database)
        self.limit = limit
        self._together = together
        self._open = sa.select(sa.func.count()).select_from(
            sa.select(sa.literal(1)).where(jobs.c.state.in_(("ready", "leased"))).limit(limit).subquery()
        )
        put = self._insert(jobs).values(created_at=now(), not_before=0.0)
        self._added = put.on_conflict_do_nothing(index_elements=["key"]).returning(jobs.c.id)
        self._room, self._counted = 0, 0.0

    def put(self, kind: str, key: str, payload: Mapping[str, Any]) -> bool:
        """Writes a request durably; see `bots.slack.needs.Enqueue`."""
        text = json.dumps(payload, separators=(",", ":"))
        if len(text) > PAYLOAD_LIMIT:
            raise StoreError("the request is too long", hint="Send the part of the log around the error.")
        row = {
            "kind": kind, "key": _key(key), "token": secrets.token_urlsafe(18), "payload": text,
            "team": clean(str(payload.get("team") or ""))[:32], "user": clean(str(payload.get("user") or ""))[:32],
            "state": "ready", "owner": "", "attempts": 0, "takeovers": 0, "leased_until": 0.0,
        }  # fmt: skip
        if self._together is not None:
            added = self._together(lambda connection: self._put(connection, row))
        else:
            with self.database.write(durable=True) as connection:
                added = self._put(connection, row)
        if added is None:
            raise QueueFull("too many requests are waiting", hint="Try again in a few minutes.")
        return added

    def _put(self, connection: Connection, row: dict[str, Any]) -> bool | None:
        """Whether the row is new; None: no room for it."""
        if self._room <= 0 or time.monotonic() - self._counted > COUNT_S:
            self._room, self._counted = self.limit - int(connection.scalar(self._open) or 0), time.monotonic()
            if self._room <= 0:
                return None
        self._room -= 1
        return connection.execute(self._added, row).first() is not None

    def claim(self, owner: str, count: int, lease: float, *, up_to: int | None = None) -> list[Job]:
        """Takes up to `count` jobs that are due, or whose worker has not renewed its lease, the oldest first.

        Args:
            owner: the name of the claiming process, unique for ever.
            count: the most that are taken.
            lease: seconds until another worker may take them over.
            up_to: only those up to this number (`last`): clocks step back, numbers don't.
        """
        due = sa.or_(
            sa.and_(jobs.c.state == "ready", jobs.c.not_before <= now()),
            sa.and_(jobs.c.state == "leased", jobs.c.leased_until < now()),
        )
        if up_to is not None:
            due = sa.and_(due, jobs.c.id <= up_to)
        chosen = sa.select(jobs.c.id).where(due).order_by(jobs.c.id).limit(count)
        with self.database.read() as connection:  # nothing due: no write lock
            if connection.execute(chosen.limit(1)).first() is None:
                return []
        taken = (
            sa.update(jobs)
            .where(jobs.c.id.in_(chosen.with_for_update(skip_locked=True).scalar_subquery()))
            .values(
                state="leased",
                owner=owner,
                leased_until=now() + lease,
                attempts=jobs.c.attempts + 1,
                takeovers=jobs.c.takeovers + sa.case((jobs.c.state == "leased", 1), else_=0),
            )
            .returning(
                jobs.c.id, jobs.c.key, jobs.c.token, jobs.c.kind, jobs.c.payload, jobs.c.owner,
                jobs.c.attempts.label("attempt"), jobs.c.takeovers, jobs.c.created_at, (now() - jobs.c.created_at).label("age"),
            )
        )  # fmt: skip
        with self.database.write() as connection:
            rows = connection.execute(taken).mappings().all()
        claimed = [Job(**{**row, "payload": json.loads(row["payload"])}) for row in rows]
        return sorted(claimed, key=lambda job: job.id)

    def renew(self, owner: str, ids: Collection[int], lease: float) -> None:
        """Holds on to jobs for another `lease` seconds."""
        mine = sa.and_(jobs.c.id.in_(ids), jobs.c.owner == owner, jobs.c.state == "leased")
        with self.database.write() as connection:
            connection.execute(sa.update(jobs).where(mine).values(leased_until=now() + lease))

    def end(self, job: Job, state: str = "done") -> None:
        """The job is answered (`done`) or given up (`failed`): only its key remains. Raises LeaseLost."""
        values = {"state": state, "payload": "", "team": "", "user": "", "done_at": now()}
        with self.database.write() as connection:
            changed = connection.execute(sa.update(jobs).where(held(job)).values(**values)).rowcount
            if not changed:
                raise LeaseLost
            connection.execute(sa.delete(steps).where(steps.c.job == job.id))

    def put_back(self, job: Job, after: float) -> None:
        """The job is due again in `after` seconds. Raises LeaseLost."""
        values = {"state": "ready", "owner": "", "not_before": now() + after}
        with self.database.write() as connection:
            if not connection.execute(sa.update(jobs).where(held(job)).values(**values)).rowcount:
                raise LeaseLost

    def hand_back(self, owner: str) -> int:
        """Gives back all that an owner holds, at once and without counting it as an attempt; returns how many."""
        values = {"state": "ready", "owner": "", "attempts": jobs.c.attempts - 1, "not_before": now()}
        mine = sa.and_(jobs.c.owner == owner, jobs.c.state == "leased")
        with self.database.write() as connection:
            return connection.execute(sa.update(jobs).where(mine).values(**values)).rowcount

    def gone(self, job: Job) -> bool:
        """True where the job is no more: somebody asked to be forgotten."""
        with self.database.read() as connection:
            return connection.execute(sa.select(jobs.c.id).where(jobs.c.id == job.id)).first() is None

    def depth(self) -> Depth:
        """How much waits."""
        since = sa.case((jobs.c.not_before > jobs.c.created_at, jobs.c.not_before), else_=jobs.c.created_at)
        oldest = now() - sa.func.min(sa.case((jobs.c.not_before <= now(), since)))
        query = (
            sa.select(jobs.c.state, sa.func.count(), oldest)
            .where(jobs.c.state.in_(("ready", "leased")))
            .group_by(jobs.c.state)
        )
        with self.database.read() as connection:
            found = {state: (count, age) for state, count, age in connection.execute(query)}
        ready, leased = found.get("ready", (0, 0.0)), found.get("leased", (0, 0.0))
        return Depth(ready=ready[0], leased=leased[0], oldest=max(ready[1] or 0.0, 0.0))

    def last(self) -> int:
        """The number of the newest job, 0 where there is none."""
        with self.database.read() as connection:
            return int(connection.scalar(sa.select(sa.func.max(jobs.c.id))) or 0)


def held(job: Job) -> Any:
    """The condition that this claim of the job still holds."""
    return sa.and_(
        jobs.c.id == job.id, jobs.c.owner == job.owner, jobs.c.attempts == job.attempt, jobs.c.state == "leased"
    )


def _key(key: str) -> str:
    if len(key) <= 200:
        return clean(key)
    from hashlib import sha256

    return sha256(key.encode("utf-8", "replace")).hexdigest()
