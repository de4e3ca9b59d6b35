"""Cases: a question with its redacted text, and what builds its answer again."""

from __future__ import annotations

import secrets
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from bots.slack.store.base import Part, clean, table_of
from bots.slack.store.database import now
from bots.slack.store.records import CASE_TEXT_LIMIT, Case, StoreError
from bots.slack.store.tables import CaseRow, MarkRow

_cases = table_of(CaseRow)
_marks = table_of(MarkRow)
_FIXED = frozenset({"id", "team", "user", "created_at"})
_CHANGEABLE = frozenset(Case.__struct_fields__) - _FIXED
NEVER = 1e12
"""The end of marks that don't end by themselves, in seconds since 1970."""


class Cases(Part):
    """Adds, reads and changes cases."""

    def add_case(self, case: Case) -> str:
        """Keeps a case and returns its id, which nobody can guess. A second case of one id is not kept: the first stays.

        Raises: StoreError, where the text is longer than `CASE_TEXT_LIMIT` characters.
        """
        values = _values(msgspec.structs.asdict(case))
        values["id"] = case.id or secrets.token_urlsafe(18)
        values["created_at"] = case.created_at or now()
        with self.database.write() as connection:
            connection.execute(self._insert(_cases).values(**values).on_conflict_do_nothing(index_elements=["id"]))
        return str(values["id"])

    def case(self, case_id: str) -> Case | None:
        """The case, or None where there is none: never kept, forgotten, or past its retention."""
        with self.database.read() as connection:
            row = connection.execute(sa.select(_cases).where(_cases.c.id == case_id)).mappings().first()
        return None if row is None else Case(**row)

    def change_case(self, case_id: str, **fields: Any) -> bool:
        """Changes fields of a case; False where there is none. Raises StoreError for a field that can't be changed."""
        unknown = set(fields) - _CHANGEABLE
        if unknown:
            raise StoreError(f"a case has no field to change named {', '.join(sorted(unknown))}")
        with self.database.write() as connection:
            changed = connection.execute(sa.update(_cases).where(_cases.c.id == case_id).values(**_values(fields)))
        return bool(changed.rowcount)

    def delete_case(self, case_id: str) -> None:
        """Deletes one case as if it had never been, without counting it."""
        with self.database.write() as connection:
            connection.execute(sa.delete(_cases).where(_cases.c.id == case_id))

    def claim(self, case_id: str, what: str) -> bool:
        """True once per case and `what`, over all replicas; False for a case that is gone."""
        values = {"name": f"case:{case_id}:{what}", "case_id": case_id, "until": NEVER}
        statement = self._insert(_marks).values(**values).on_conflict_do_nothing(index_elements=["name"])
        statement = statement.returning(_marks.c.name)  # the count of an INSERT's rows is not known on PostgreSQL
        try:
            with self.database.write() as connection:
                return connection.execute(statement).first() is not None
        except sa.exc.IntegrityError:  # no such case
            return False

    def once(self, name: str, seconds: float) -> bool:
        """True if nobody, on any replica, got True for this name in the last `seconds`."""
        with self.database.write() as connection:
            return self.once_in(connection, name, seconds)

    def once_in(self, connection: Connection, name: str, seconds: float) -> bool:
        """`once`, as a part of a transaction that is open already."""
        added = self._insert(_marks).values(name=name[:200], until=now() + seconds)
        statement = added.on_conflict_do_update(
            index_elements=["name"], set_={"until": added.excluded.until}, where=_marks.c.until <= now()
        )
        return connection.execute(statement.returning(_marks.c.name)).first() is not None

    def marked(self, name: str) -> bool:
        """Whether `once` was True for this name, on any replica, and its time is not over."""
        with self.database.read() as connection:
            found = sa.select(_marks.c.name).where(_marks.c.name == name[:200], _marks.c.until > now())
            return connection.execute(found).first() is not None

    def forget_mark(self, name: str) -> None:
        """Takes a mark back: what it stood for did not happen after all."""
        with self.database.write() as connection:
            connection.execute(sa.delete(_marks).where(_marks.c.name == name[:200]))


def _values(fields: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {name: clean(value) if isinstance(value, str) else value for name, value in fields.items()}
    if len(values.get("text", "")) > CASE_TEXT_LIMIT:
        raise StoreError(
            f"the text is longer than {CASE_TEXT_LIMIT:,} characters", hint="Send the part around the error."
        )
    if "stated" in values:
        values["stated"] = dict(values["stated"])
    for name in ("tried", "applied"):
        if name in values:
            values[name] = list(values[name])
    for name in ("model", "gpu", "framework"):
        if name in values:
            values[name] = values[name][:200]
    return values
