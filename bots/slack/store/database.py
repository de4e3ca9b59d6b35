"""One database behind all of it: SQLite in a file or PostgreSQL by URL, with transactions that never deadlock and a shared clock."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, event
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import StaticPool

from advisor.errors import AdvisorError
from bots.slack.store.records import StoreError

BUSY_MS = 10_000
"""How long a writer waits for another process's write on SQLite."""


class now(sa.sql.expression.FunctionElement[float]):
    """The database's clock in seconds since 1970: one clock for every replica, whatever theirs say."""

    type = sa.Float()
    inherit_cache = True


@compiles(now, "postgresql")
def _now_postgresql(element: Any, compiler: Any, **kw: Any) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION)"


@compiles(now, "sqlite")
def _now_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


class Database:
    """An engine with two kinds of transactions: `read()` and `write()`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.sqlite = engine.dialect.name == "sqlite"
        memory = isinstance(engine.pool, StaticPool)
        self._turn: Any = threading.RLock() if memory else nullcontext()  # one connection for all threads

    @classmethod
    def open(cls, url: str, *, connections: int = 10) -> Database:
        """Connects to `sqlite:///FILE`, `sqlite://` (memory, for tests) or `postgresql://USER@HOST/NAME`.

        Args:
            url: the address; `postgresql://` is served by psycopg 3.
            connections: most connections that this process opens.

        Raises: StoreError, where the address can't be read or its driver is not installed.
        """
        try:
            parsed = sa.make_url(url)
        except sa.exc.ArgumentError as error:
            raise StoreError(
                "the address of the database can't be read",
                place="ADVISOR_SLACK_DATABASE",
                hint="Give sqlite:////path/file.db or postgresql://user:password@host/name.",
            ) from error
        if parsed.drivername in {"postgres", "postgresql"}:
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
            raise StoreError(
                f"{parsed.get_backend_name()} is not supported",
                place="ADVISOR_SLACK_DATABASE",
                hint="The store works on SQLite and on PostgreSQL.",
            )
        return cls(_sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _postgresql(parsed, connections))

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with self._turn, self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self, *, durable: bool = False, relaxed: bool = False) -> Iterator[Connection]:
        """A transaction that writes. On SQLite it takes the write lock at once, so that it waits instead of failing half way.

        Once it has returned, what it wrote survives the death of any process. `durable`: on SQLite it survives the loss of
        power too, at the price of waiting for the disk, as on PostgreSQL it always does. `relaxed`: on PostgreSQL the crash
        of the server may lose it; for what does no harm if it is lost.
        """
        options = {"advisor_write": "FULL" if durable else "NORMAL"}
        with self._turn, self.engine.connect().execution_options(**options) as connection, connection.begin():
            if relaxed and not self.sqlite:
                connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
            yield connection

    def close(self) -> None:
        """Closes all connections."""
        self.engine.dispose()


def _sqlite(url: sa.URL) -> Engine:
    memory = not url.database or url.database == ":memory:"
    options: dict[str, Any] = {"poolclass": StaticPool} if memory else {}
    engine = sa.create_engine(
        url, hide_parameters=True, connect_args={"check_same_thread": False, "timeout": BUSY_MS / 1000}, **options
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # sqlite3 would begin transactions by itself, too late and deferred
        connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        _write_ahead(connection)
        for pragma in ("synchronous=NORMAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("PRAGMA secure_delete=ON")  # what people asked to have forgotten is overwritten

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        write = connection.get_execution_options().get("advisor_write")
        if write:
            connection.exec_driver_sql(f"PRAGMA synchronous={write}")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _write_ahead(connection: Any) -> None:
    """Switches a database to its write-ahead log once. SQLite does not wait for others while it switches, so this does."""
    end = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(0.01)


def _postgresql(url: sa.URL, connections: int) -> Engine:
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise AdvisorError(
            "PostgreSQL needs a driver that is not installed", hint="pip install 'vram-advisor[slack,postgres]'"
        ) from error
    return sa.create_engine(
        url,
        hide_parameters=True,
        pool_size=max(connections // 2, 1),
        max_overflow=connections - max(connections // 2, 1),
        pool_pre_ping=True,
        pool_timeout=30,
        connect_args={"connect_timeout": 10, "application_name": "vram-advisor"},
    )
