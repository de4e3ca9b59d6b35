"""What all parts of the store share: the database, and SQL that both dialects speak."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bots.slack.store.database import Database


class Part:
    """A part of the store."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def close(self) -> None:
        """Closes all connections of this process."""
        self.database.close()

    def _insert(self, table: Any) -> Any:
        """An INSERT that can say ON CONFLICT, in the database's dialect."""
        return sqlite.insert(table) if self.database.sqlite else postgresql.insert(table)


def clean(text: str) -> str:
    """A text that every database takes: without NUL and without halves of surrogate pairs.

    >>> clean("a\\x00b\\ud800")
    'a\ufffdb?'
    """
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def table_of(row: Any) -> sa.Table:
    """The table of a mapped class."""
    table: sa.Table = row.__table__
    return table
