"""Migrations: brings the tables to this version, one replica at a time."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection

from bots.slack.store.database import Database
from bots.slack.store.records import StoreError

FOLDER = Path(__file__).parent / "migrations"
_LOCK = 7_236_418_559_302
"""The number of the advisory lock that a migration holds on PostgreSQL; any number that no other program takes."""


def upgrade(database: Database) -> tuple[str, str]:
    """Brings the tables up to date; nothing happens where they are. Replicas that start together wait for the first.

    Returns: the version before (empty: a new database) and the version now.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    logging.getLogger("alembic").setLevel(logging.WARNING)
    with _opened(), database.write() as connection:
        if not database.sqlite:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        before = _version(connection)
        _known(before)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        after = _version(connection)
    return before, after


def require_current(database: Database) -> None:
    """Raises StoreError, saying what to do, where the tables are not those of this version."""
    with _opened(), database.read() as connection:
        found = _version(connection)
    _known(found)
    if found != head():
        raise StoreError(
            "the database has no tables yet" if not found else "the database is of an older version",
            hint="Run: advisor slack migrate",
        )


@contextmanager
def _opened() -> Iterator[None]:
    try:
        yield
    except sa.exc.OperationalError as error:
        raise StoreError(
            "the database can't be opened",
            place="ADVISOR_SLACK_DATABASE",
            hint="Is the server up, is the address right, may this user write there?",
        ) from error


def head() -> str:
    """The newest version."""
    return max(_versions())


def _versions() -> list[str]:
    return [path.stem.split("_")[0] for path in (FOLDER / "versions").glob("[0-9]*.py")]


def _known(version: str) -> None:
    if version and version not in _versions():
        raise StoreError(
            f"the database is of a newer version ({version}) than this program",
            hint="Update it: pip install --upgrade 'vram-advisor[slack]'",
        )


def _version(connection: Connection) -> str:
    if not sa.inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.scalar(sa.text("SELECT version_num FROM alembic_version")) or "")
