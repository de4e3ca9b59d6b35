"""Wishes of workspaces: language, what uploaded files do, default GPU, redaction of e-mail addresses, retention."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import sqlalchemy as sa

from bots.slack.store.base import Part, clean, table_of
from bots.slack.store.database import Database
from bots.slack.store.records import StoreError, TeamSettings
from bots.slack.store.tables import TeamRow

_teams = table_of(TeamRow)
LANGUAGES = ("auto", "en", "zh")
REACTIONS = ("files", "off")
FRESH_S = 3.0
RETENTION_DAYS = range(1, 3651)


class Teams(Part):
    """Reads and changes settings of workspaces."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._read: dict[str, tuple[float, TeamSettings]] = {}

    def settings(self, team: str) -> TeamSettings:
        """The wishes of a workspace; the defaults where it has none. What another process changed holds after `FRESH_S`."""
        known = self._read.get(team)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        if len(self._read) > 1_000:
            self._read.clear()
        found = self._stored(team)
        self._read[team] = (time.monotonic() + FRESH_S, found)
        return found

    def _stored(self, team: str) -> TeamSettings:
        with self.database.read() as connection:
            row = connection.execute(sa.select(_teams).where(_teams.c.team == team)).mappings().first()
        return TeamSettings() if row is None else TeamSettings(**{k: v for k, v in row.items() if k != "team"})

    def change_settings(self, team: str, **fields: Any) -> TeamSettings:
        """Changes some wishes and returns all. Raises StoreError for an unknown one or a value out of range."""
        unknown = set(fields) - set(TeamSettings.__struct_fields__)
        if unknown:
            raise StoreError(f"no setting is called {', '.join(sorted(unknown))}")
        for name, choices in (("lang", LANGUAGES), ("react", REACTIONS)):
            if name in fields and fields[name] not in choices:
                raise StoreError(f"{name} can't be {fields[name]}", hint=f"One of: {', '.join(choices)}.")
        days = fields.get("retention_days")
        if days is not None and days not in RETENTION_DAYS:
            raise StoreError(
                f"cases can't be kept for {days} days", hint=f"Between {RETENTION_DAYS[0]} and {RETENTION_DAYS[-1]}."
            )
        if "gpu" in fields:
            fields["gpu"] = clean(fields["gpu"])[:200]
        values = msgspec.structs.asdict(TeamSettings()) | fields
        statement = self._insert(_teams).values(team=team, **values)
        with self.database.write() as connection:
            connection.execute(
                statement.on_conflict_do_update(index_elements=["team"], set_=fields)
                if fields
                else statement.on_conflict_do_nothing(index_elements=["team"])
            )
        self._read.pop(team, None)
        return self.settings(team)
