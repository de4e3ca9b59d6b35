"""Fixtures of the Slack bot's tests: stores on SQLite and on a real PostgreSQL server, the double of Slack."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from bots.slack.store import Store
from bots.slack.store.database import Database
from bots.slack.store.tables import Base
from bots.slack.work import outcome
from bots.slack.work.queue import Queue
from tests.bots.slack.bench import Bench
from tests.bots.slack.double import SlackDouble
from tests.bots.slack.servers import postgres, postgres_missing

TABLES = ("slack_installations", "slack_bots", "slack_oauth_states")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL server that this session started."""
    missing = postgres_missing()
    if missing:
        pytest.skip(missing)
    with postgres() as url:
        yield url


@contextlib.contextmanager
def new_database(server: str) -> Iterator[str]:
    """The address of an empty database of its own on the server."""
    name = f"advisor_{uuid.uuid4().hex}"
    engine = sa.create_engine(
        server.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
    )
    with engine.connect() as connection:
        connection.execute(sa.text(f'CREATE DATABASE "{name}"'))
    try:
        yield server.rsplit("/", 1)[0] + f"/{name}"
    finally:
        with engine.connect() as connection:
            connection.execute(sa.text(f'DROP DATABASE "{name}" WITH (FORCE)'))
        engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database, on both kinds."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'bot.db'}"
        return
    with new_database(request.getfixturevalue("postgres_server")) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_tables(postgres_server: str) -> Iterator[str]:
    """A migrated database that the tests of this session use one after the other: a new one takes most of a second."""
    with new_database(postgres_server) as url:
        Store.open(url, migrate=True).close()
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store on both kinds of database."""
    if request.param == "sqlite":
        opened = Store.open(f"sqlite:///{tmp_path / 'bot.db'}")
    else:
        opened = Store.open(request.getfixturevalue("postgres_tables"))
    yield opened
    if request.param == "postgresql":
        with opened.database.write() as connection:
            for table in (*TABLES, *reversed(Base.metadata.sorted_tables)):
                connection.execute(sa.text(f'DELETE FROM "{table}"'))
    opened.close()


@pytest.fixture
def database(store: Store) -> Database:
    return store.database


@pytest.fixture
def queue(store: Store) -> Queue:
    return Queue(store.database)


@pytest.fixture
def slack() -> Iterator[SlackDouble]:
    with SlackDouble() as double:
        yield double


@pytest.fixture
def bench(store: Store, slack: SlackDouble, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(outcome, "FIRST_WAIT_S", 0.02)
    made = Bench(store, slack)
    yield made
    for worker, thread in made.workers:
        worker.stop()
        thread.join(15)
        assert not thread.is_alive()
