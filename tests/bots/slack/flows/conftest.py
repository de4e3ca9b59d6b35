"""The bot between the emulator and its database, SQLite and PostgreSQL in turn."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bots.slack.desk import Desk
from tests.bots.slack.emulator import Emulator, emulator
from tests.bots.slack.servers import postgres, postgres_missing

__all__ = ["emulator"]


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    missing = postgres_missing()
    if missing:
        pytest.skip(missing)
    with postgres() as url:
        yield url


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def desk(
    request: pytest.FixtureRequest, emulator: Emulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    """The bot, served for the whole session; each test uses response_urls and channels of its own."""
    if request.param == "sqlite":
        database = f"sqlite:///{tmp_path_factory.mktemp('slack') / 'bot.db'}"
    else:
        database = str(request.getfixturevalue("postgres_url"))
    made = Desk(emulator, database)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def checked(desk: Desk) -> Iterator[None]:
    """After each test, every message and view that the bot sent is checked, its own sources' links apart."""
    desk.recorder.calls.clear()
    desk.recorder.responses.clear()
    desk.recorder.refuse.clear()
    yield
    desk.settle()
    desk.check()
