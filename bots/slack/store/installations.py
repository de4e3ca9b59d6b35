"""Installations by OAuth: slack_sdk's stores, with tokens sealed, old rows pruned, states consumed once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from slack_sdk.oauth.installation_store import Bot, Installation
from slack_sdk.oauth.installation_store.sqlalchemy import SQLAlchemyInstallationStore
from slack_sdk.oauth.state_store.sqlalchemy import SQLAlchemyOAuthStateStore

from bots.slack.store.database import Database
from bots.slack.store.seal import Seal

SECRETS = ("bot_token", "bot_refresh_token", "user_token", "user_refresh_token", "incoming_webhook_url")
STATE_S = 600
"""Seconds that somebody has to come back from Slack's page."""


class Installations(SQLAlchemyInstallationStore):
    """The newest installation of each workspace (and of each person in it, where they gave a token of their own)."""

    def __init__(self, client_id: str, database: Database, seal: Seal) -> None:
        super().__init__(client_id=client_id, engine=_writing(database))
        self.seal = seal

    def save(self, installation: Installation) -> None:
        """Keeps an installation and deletes the former ones of the same workspace and person."""
        super().save(self._closed(installation))
        self._prune(self.installations, installation, self.installations.c.user_id == installation.user_id)

    def save_bot(self, bot: Bot) -> None:
        """Keeps a bot's tokens and deletes the former ones of the same workspace."""
        super().save_bot(self._closed(bot))
        self._prune(self.bots, bot, sa.true())

    def find_bot(self, **where: Any) -> Bot | None:
        """The bot of a workspace, with its tokens open."""
        bot: Bot | None = self._opened(super().find_bot(**where))
        return bot

    def find_installation(self, **where: Any) -> Installation | None:
        """The installation of a workspace, with its tokens open."""
        installation: Installation | None = self._opened(super().find_installation(**where))
        return installation

    def _closed(self, entity: Any) -> Any:
        return self._with(entity, self._close_once)

    def _close_once(self, text: str | None) -> str | None:
        return text if text and text.startswith("sealed:") else self.seal.close(text)

    def _opened(self, entity: Any) -> Any:
        return None if entity is None else self._with(entity, self.seal.open)

    def _with(self, entity: Any, change: Any) -> Any:
        values = {name: change(getattr(entity, name)) for name in SECRETS if hasattr(entity, name)}
        copy = type(entity)(**entity.to_dict_for_copying())
        for name, value in values.items():
            setattr(copy, name, value)
        return copy

    def _prune(self, table: sa.Table, entity: Any, same: Any) -> None:
        column = table.c
        mine = sa.and_(
            column.client_id == self.client_id,
            column.enterprise_id == entity.enterprise_id,
            column.team_id == entity.team_id,
            same,
        )
        newest = sa.select(column.id).where(mine).order_by(column.installed_at.desc(), column.id.desc()).limit(1)
        with self.engine.begin() as connection:
            keep = connection.scalar(newest)
            connection.execute(sa.delete(table).where(mine, column.id != keep))


class States(SQLAlchemyOAuthStateStore):
    """States of installations under way; each is taken by one request, even if two come at once."""

    def __init__(self, database: Database) -> None:
        super().__init__(expiration_seconds=STATE_S, engine=_writing(database))

    def consume(self, state: str) -> bool:
        """True once for a state that was issued and has not expired; expired ones are deleted on the way."""
        column = self.oauth_states.c
        now = datetime.now(UTC).replace(tzinfo=None)
        with self.engine.begin() as connection:
            connection.execute(sa.delete(self.oauth_states).where(column.expire_at <= now))
            return connection.execute(sa.delete(self.oauth_states).where(column.state == state)).rowcount > 0


def _writing(database: Database) -> sa.Engine:
    """The engine with transactions that write from their start, as these stores begin all of theirs alike."""
    return database.engine.execution_options(advisor_write="FULL")
