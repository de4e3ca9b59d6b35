"""Deletion: by age, by person, by workspace. Counts of what helped remain, of nobody."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from bots.slack.store.base import Part, table_of
from bots.slack.store.database import now
from bots.slack.store.feedback import CASES, counted_cases, counted_feedback
from bots.slack.store.tables import CaseRow, FeedbackRow, JobRow, MarkRow, TallyRow, TeamRow

_cases = table_of(CaseRow)
_feedback = table_of(FeedbackRow)
_jobs = table_of(JobRow)
_marks = table_of(MarkRow)
_tallies = table_of(TallyRow)
_teams = table_of(TeamRow)
DAY = 86_400.0
KEYS_KEPT = 2 * DAY
"""How long the key of a finished job is known: Slack delivers an event again for at most an hour, retried by hand for longer."""


class Retention(Part):
    """Deletes what is not to be kept any longer."""

    def forget_user(self, team: str, user: str, *, keep: str = "") -> int:
        """Deletes a person's cases, feedback and waiting requests, but the job with the token `keep` (the one that asked for it).

        Returns: the number of cases that were deleted.
        """
        with self.database.write() as connection:
            self._drop_jobs(connection, sa.and_(_jobs.c.team == team, _jobs.c.user == user), keep)
            deleted = self._drop_cases(connection, sa.and_(_cases.c.team == team, _cases.c.user == user))
            self._drop_feedback(connection, sa.and_(_feedback.c.team == team, _feedback.c.user == user))
        return deleted

    def forget_team(self, team: str, *, keep: str = "") -> int:
        """Deletes a workspace's cases, feedback, waiting requests and settings; its installation stays.

        Returns: the number of cases that were deleted.
        """
        with self.database.write() as connection:
            self._drop_jobs(connection, _jobs.c.team == team, keep)
            deleted = self._drop_cases(connection, _cases.c.team == team)
            self._drop_feedback(connection, _feedback.c.team == team)
            connection.execute(sa.delete(_teams).where(_teams.c.team == team))
        return deleted

    def sweep(self, default_days: int | None) -> int:
        """Deletes cases past their workspace's retention (else `default_days`; None: kept), old keys and old marks.

        Returns: the number of cases that were deleted.
        """
        own = sa.select(_teams.c.retention_days).where(_teams.c.team == _cases.c.team).scalar_subquery()
        days = sa.func.coalesce(own, default_days) if default_days is not None else own
        with self.database.write() as connection:
            deleted = self._drop_cases(connection, _cases.c.created_at < now() - days * DAY)
            ended = _jobs.c.done_at.is_not(None)
            connection.execute(sa.delete(_jobs).where(ended, _jobs.c.done_at < now() - KEYS_KEPT))
            connection.execute(sa.delete(_marks).where(_marks.c.until < now()))
        return deleted

    def _drop_cases(self, connection: Connection, condition: Any) -> int:
        chosen = sa.select(_cases.c.id).where(condition)
        self._add(connection, [(k, "", CASES, n) for k, n in connection.execute(counted_cases(condition))])
        self._drop_feedback(connection, _feedback.c.case_id.in_(chosen))
        return connection.execute(sa.delete(_cases).where(condition)).rowcount

    def _drop_feedback(self, connection: Connection, condition: Any) -> None:
        self._add(connection, [tuple(row) for row in connection.execute(counted_feedback(condition))])
        connection.execute(sa.delete(_feedback).where(condition))

    def _drop_jobs(self, connection: Connection, condition: Any, keep: str) -> None:
        """Ended jobs keep their keys, so that a late delivery is not answered, but not their owner; others go."""
        ended = _jobs.c.done_at.is_not(None)
        connection.execute(sa.update(_jobs).where(condition, ended).values(user="", team=""))
        connection.execute(sa.delete(_jobs).where(condition, ~ended, _jobs.c.token != keep))

    def _add(self, connection: Connection, counts: list[Any]) -> None:
        for kind, remedy, answer, count in counts:
            added = self._insert(_tallies).values(kind=kind, remedy=remedy, answer=answer, count=count)
            total = {"count": _tallies.c["count"] + added.excluded["count"]}
            connection.execute(added.on_conflict_do_update(index_elements=["kind", "remedy", "answer"], set_=total))
