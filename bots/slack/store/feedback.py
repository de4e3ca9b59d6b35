"""Feedback: what people say about remedies, and what helped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import sqlalchemy as sa

from bots.slack.store.base import Part, table_of
from bots.slack.store.database import now
from bots.slack.store.records import Answer, Stats, StoreError, Tally
from bots.slack.store.tables import CaseRow, FeedbackRow, TallyRow

_cases = table_of(CaseRow)
_feedback = table_of(FeedbackRow)
_tallies = table_of(TallyRow)
CASES = "case"
"""The answer under which the tallies count cases."""


class Feedback(Part):
    """Keeps answers and counts them."""

    def add_feedback(self, case_id: str, team: str, user: str, answer: Answer, remedies: Sequence[str] = ()) -> bool:
        """Keeps what a user says about remedies of a case; of the same answer to the same case the last one counts.

        `worked` and `did_not` exclude each other. False where the case is gone.

        Raises: StoreError, where the answer is none of `Answer`.
        """
        if answer not in get_args(Answer):
            raise StoreError(f"no answer is called {answer}", hint=f"One of: {', '.join(get_args(Answer))}.")
        replaced = {"worked", "did_not"} if answer != "tried" else {"tried"}
        with self.database.write() as connection:
            kind = connection.scalar(sa.select(_cases.c.kind).where(_cases.c.id == case_id, _cases.c.team == team))
            if kind is None:
                return False
            connection.execute(
                sa.delete(_feedback).where(
                    _feedback.c.case_id == case_id, _feedback.c.user == user, _feedback.c.answer.in_(replaced)
                )
            )
            row = {"case_id": case_id, "team": team, "user": user, "answer": answer, "kind": kind, "at": now()}
            for remedy in list(dict.fromkeys(remedies)) or [""]:
                connection.execute(
                    self._insert(_feedback)
                    .values(row | {"remedy": remedy[:64]})
                    .on_conflict_do_nothing(index_elements=["case_id", "user", "answer", "remedy"])
                )
        return True

    def feedback(self, case_id: str) -> dict[str, dict[str, list[str]]]:
        """What was said about a case: user -> answer -> remedies (empty: the whole answer was meant)."""
        columns = (_feedback.c.user, _feedback.c.answer, _feedback.c.remedy)
        query = sa.select(*columns).where(_feedback.c.case_id == case_id).order_by(*columns)
        found: dict[str, dict[str, list[str]]] = {}
        with self.database.read() as connection:
            for user, answer, remedy in connection.execute(query):
                remedies = found.setdefault(user, {}).setdefault(answer, [])
                if remedy:
                    remedies.append(remedy)
        return found

    def stats(self, team: str = "") -> Stats:
        """What helped: of all, deleted people's counts included; or of one workspace, of what it keeps now."""
        cases: dict[str, int] = {}
        tallies: dict[tuple[str, str, str], int] = {}
        with self.database.read() as connection:
            for kind, count in connection.execute(counted_cases(_cases.c.team == team if team else sa.true())):
                cases[kind] = count
            for kind, remedy, answer, count in connection.execute(
                counted_feedback(_feedback.c.team == team if team else sa.true())
            ):
                tallies[kind, remedy, answer] = count
            if not team:
                for kind, remedy, answer, count in connection.execute(sa.select(*_tallies.columns)):
                    if answer == CASES:
                        cases[kind] = cases.get(kind, 0) + count
                    else:
                        tallies[kind, remedy, answer] = tallies.get((kind, remedy, answer), 0) + count
        order = sorted(tallies.items(), key=lambda item: (-item[1], item[0]))
        return Stats(
            cases=dict(sorted(cases.items(), key=lambda item: (-item[1], item[0]))),
            tallies=tuple(Tally(*key, count=count) for key, count in order),
        )


def counted_cases(condition: Any) -> Any:
    """A query: kind, number of cases."""
    return sa.select(_cases.c.kind, sa.func.count()).where(condition).group_by(_cases.c.kind)


def counted_feedback(condition: Any) -> Any:
    """A query: kind, remedy, answer, number of people who said so."""
    columns = (_feedback.c.kind, _feedback.c.remedy, _feedback.c.answer)
    return sa.select(*columns, sa.func.count()).where(condition).group_by(*columns)
