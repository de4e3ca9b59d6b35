"""Migrations: from empty to the tables that the models describe; start-up refuses what does not fit."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from bots.slack.store import Store, StoreError
from bots.slack.store.database import Database
from bots.slack.store.migrate import head, require_current, upgrade
from bots.slack.store.tables import Base


def test_from_empty_to_what_the_models_say(database_url: str) -> None:
    database = Database.open(database_url)
    assert upgrade(database) == ("", head())
    assert upgrade(database) == (head(), head())
    require_current(database)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": _ours, "compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
        names = set(sa.inspect(connection).get_table_names())
    database.close()
    assert {"slack_installations", "slack_bots", "slack_oauth_states"} < names


def _ours(thing: Any, name: str | None, kind: str, reflected: bool, compared: Any) -> bool:
    table = name if kind == "table" else getattr(getattr(thing, "table", None), "name", "")
    return not str(table).startswith(("slack_", "alembic_"))


def test_the_tables_hold_what_slack_sdk_reads(database_url: str) -> None:
    from slack_sdk.oauth.installation_store.sqlalchemy import SQLAlchemyInstallationStore

    database = Database.open(database_url)
    upgrade(database)
    theirs = SQLAlchemyInstallationStore("1.2", database.engine)
    with database.read() as connection:
        inspector = sa.inspect(connection)
        for table in (theirs.installations, theirs.bots):
            found = {column["name"] for column in inspector.get_columns(table.name)}
            assert found == set(table.c.keys())
    database.close()


def test_replicas_that_start_together_migrate_once(database_url: str) -> None:
    found: list[tuple[str, str]] = []

    def start() -> None:
        database = Database.open(database_url)
        found.append(upgrade(database))
        database.close()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [("", head())] + [(head(), head())] * 3


def test_many_that_open_a_new_file_together_wait_for_its_switch(tmp_path: Path) -> None:
    """SQLite refuses at once, without waiting, where two connections switch a file to its write-ahead log."""
    for number in range(20):
        failed: list[BaseException] = []

        def start(url: str = f"sqlite:///{tmp_path / f'{number}.db'}", failed: list[BaseException] = failed) -> None:
            try:
                with Database.open(url).read() as connection:
                    assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=start) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failed


def test_postgresql_is_not_migrated_unasked(database_url: str) -> None:
    if database_url.startswith("sqlite"):
        Store.open(database_url).close()
        return
    with pytest.raises(StoreError, match="advisor slack migrate"):
        Store.open(database_url)


def test_a_newer_database_is_left_alone(database_url: str) -> None:
    database = Database.open(database_url)
    upgrade(database)
    with database.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    try:
        for refuse in (upgrade, require_current):
            with pytest.raises(StoreError, match="newer"):
                refuse(database)
    finally:
        database.close()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense", "can't be read"),
        ("mysql://u@h/d", "not supported"),
        ("postgresql://a@127.0.0.1:1/x", "can't be opened"),
        ("sqlite:////absent/bot.db", "can't be opened"),
    ],
)
def test_wrong_addresses_are_said_plainly(url: str, says: str) -> None:
    with pytest.raises(StoreError, match=says):
        Store.open(url)
