"""The journal of a job's posts: what it set out to post, what left for Slack, what Slack confirmed.

No API of Slack takes an idempotency key, so a post and its record can't be one transaction. The window between them is made
as small as can be: all of the request but its last byte is sent, then a transaction is opened that records the post, the last
byte is sent inside it, and it commits without waiting for Slack's answer. Slack can't act before it has the last byte, and the
operating system delivers it, and the commit, even if the process is killed right after. What a later run finds then says:

    nothing    never sent: send it
    intent     killed within that window of some microseconds, or no answer came: perhaps sent
    sent       it left for Slack: never send it again
    done       Slack confirmed it, with the message's `ts`
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy import Connection

from bots.slack.store.base import Part
from bots.slack.work.errors import LeaseLost
from bots.slack.work.queue import Job, held, jobs, steps

State = Literal["nothing", "intent", "sent", "done"]


class Found(Struct, frozen=True):
    """What an earlier run of the job left of a step."""

    state: State
    ts: str = ""


class Journal(Part):
    """The journal of one database; every change first makes sure that the job is still held."""

    def intend(self, job: Job, step: str) -> Found:
        """Writes down that the step is about to be sent, and returns what an earlier run had left. Raises LeaseLost."""
        with self.database.write() as connection:
            _hold(connection, job)
            row = connection.execute(sa.select(steps.c.state, steps.c.ts).where(_is(job, step))).first()
            if row is not None:
                return Found(state=row.state, ts=row.ts)
            connection.execute(sa.insert(steps).values(job=job.id, step=step, state="intent", ts=""))
        return Found(state="nothing")

    @contextmanager
    def sending(self, job: Job, step: str) -> Iterator[None]:
        """The transaction inside of which the last byte is sent. Raises LeaseLost before it comes to that."""
        with self.database.write() as connection:
            _hold(connection, job)
            connection.execute(sa.update(steps).where(_is(job, step)).values(state="sent"))
            yield

    def confirm(self, job: Job, step: str, ts: str = "") -> None:
        """Slack took it, as the message `ts`. Raises LeaseLost."""
        self._set(job, step, "done", ts)

    def doubt(self, job: Job, step: str) -> None:
        """It left, and no answer came: perhaps Slack took it, perhaps not. Raises LeaseLost."""
        self._set(job, step, "intent", "")

    def undo(self, job: Job, step: str) -> None:
        """Slack did not take it. Raises LeaseLost."""
        with self.database.write() as connection:
            _hold(connection, job)
            connection.execute(sa.delete(steps).where(_is(job, step)))

    def once(self, job: Job, step: str) -> bool:
        """True the first time; what follows is never done again. Raises LeaseLost."""
        with self.database.write() as connection:
            _hold(connection, job)
            row = {"job": job.id, "step": step, "state": "once", "ts": ""}
            added = self._insert(steps).values(**row).on_conflict_do_nothing(index_elements=["job", "step"])
            return connection.execute(added.returning(steps.c.job)).first() is not None

    def posted(self, job: Job) -> set[str]:
        """The steps that have left for Slack, in this run of the job or an earlier one."""
        gone = sa.select(steps.c.step).where(steps.c.job == job.id, steps.c.state.in_(("sent", "done")))
        with self.database.read() as connection:
            return set(connection.scalars(gone))

    def _set(self, job: Job, step: str, state: State, ts: str) -> None:
        with self.database.write() as connection:
            _hold(connection, job)
            connection.execute(sa.update(steps).where(_is(job, step)).values(state=state, ts=ts))


def _hold(connection: Connection, job: Job) -> None:
    """Locks the job's row until the transaction ends, so that nobody can take it over meanwhile."""
    if connection.execute(sa.select(jobs.c.id).where(held(job)).with_for_update()).first() is None:
        raise LeaseLost


def _is(job: Job, step: str) -> sa.ColumnElement[bool]:
    return sa.and_(steps.c.job == job.id, steps.c.step == step)
