"""The workspaces that the bot is installed in: their tokens, kept fresh, for listeners and for workers alike."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.authorize import Authorize
from slack_bolt.context import BoltContext
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry import RetryHandler
from slack_sdk.oauth.installation_store import Bot
from slack_sdk.oauth.token_rotation import TokenRotator

from bots.slack.settings import Settings
from bots.slack.store import Store
from bots.slack.store.database import Database
from bots.slack.store.installations import Installations
from bots.slack.store.seal import Seal
from bots.slack.work.errors import SlackRefused

log = logging.getLogger(__name__)
FRESH_S = 60.0
"""How long a token is used before the store is asked again: a workspace that installs anew waits at most that long."""
ROTATE_MINUTES = 120
"""A token that ends within this time is exchanged; Slack's live for twelve hours."""
API_TIMEOUT_S = 15


def web_client(settings: Settings, token: str | None = None) -> WebClient:
    """A client of Slack's API, or of what `SLACK_API_URL` names. It repeats nothing by itself: the queue does, at the right time."""
    nothing: list[RetryHandler] = []
    return WebClient(token=token, base_url=settings.api_url, timeout=API_TIMEOUT_S, retry_handlers=nothing)


class Workspaces(Authorize):
    """Gives listeners their authorization and workers their clients, without a call of Slack's API for each request."""

    def __init__(self, settings: Settings, store: Store, *, rotator: TokenRotator | None = None) -> None:
        self.settings, self.store = settings, store
        self.installations = installations(settings, store.database) if settings.many else None
        self._rotator = rotator
        if settings.many and rotator is None:
            self._rotator = TokenRotator(
                client_id=settings.client_id, client_secret=settings.client_secret, client=web_client(settings)
            )
        self._known: dict[tuple[str, str], tuple[float, Bot]] = {}
        self._lock = threading.Lock()
        self._self = ("", "")

    def __call__(
        self, *, context: BoltContext, enterprise_id: str | None, team_id: str | None, user_id: str | None, **actor: Any
    ) -> AuthorizeResult | None:
        """What slack_bolt asks before each listener. None: not installed there."""
        if self.settings.many:
            try:
                bot = self.bot(team_id or "", enterprise_id or "")
            except SlackRefused:
                return None
        else:
            bot = self._introduced()
        return AuthorizeResult(
            enterprise_id=enterprise_id, team_id=team_id, user_id=user_id,
            bot_id=bot.bot_id, bot_user_id=bot.bot_user_id, bot_token=bot.bot_token,
        )  # fmt: skip

    def client(self, team: str, enterprise: str = "") -> WebClient:
        """The client of a workspace. Raises SlackRefused, where the bot is not installed there."""
        if not self.settings.many:
            return web_client(self.settings, self.settings.bot_token)
        return web_client(self.settings, self.bot(team, enterprise).bot_token)

    def bot(self, team: str, enterprise: str = "") -> Bot:
        """The bot in a workspace: its user and its token. Raises SlackRefused (`not_installed`), SlackApiError."""
        if not self.settings.many:
            return self._introduced()
        key = (team, enterprise)
        with self._lock:
            known = self._known.get(key)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        bot = self._stored(team, enterprise)
        with self._lock:
            if len(self._known) > 1_000:
                self._known.clear()
            self._known[key] = (time.monotonic() + FRESH_S, bot)
        return bot

    def introduce(self) -> None:
        """Asks Slack, in the background and until it answers, who the bot of the one workspace is: nothing waits for that."""

        def ask() -> None:
            for pause in (0.0, 1.0, 5.0, 30.0, 300.0):
                time.sleep(pause)
                try:
                    said = web_client(self.settings, self.settings.bot_token).auth_test()
                except (SlackApiError, OSError) as error:
                    log.warning("Slack does not say who the bot is", exc_info=error)
                    continue
                self._self = (str(said.get("bot_id") or ""), str(said.get("user_id") or ""))
                return

        if not self.settings.many:
            threading.Thread(target=ask, name="introduction", daemon=True).start()

    def _introduced(self) -> Bot:
        bot_id, user = self._self
        return Bot(bot_token=self.settings.bot_token, bot_id=bot_id, bot_user_id=user, installed_at=0.0)

    def forget(self, team: str, enterprise: str = "") -> None:
        """A workspace has taken the bot away."""
        with self._lock:
            self._known.pop((team, enterprise), None)
        if self.installations is not None:
            self.installations.delete_all(enterprise_id=enterprise or None, team_id=team or None)

    def _stored(self, team: str, enterprise: str) -> Bot:
        find = self._finder(team, enterprise)
        bot = find()
        if bot is None:
            raise SlackRefused("not_installed", "the workspace")
        expires = bot.bot_token_expires_at
        if expires is None or expires > time.time() + ROTATE_MINUTES * 60 or self._rotator is None:
            return bot
        # A refresh token works once: one replica exchanges it, the others go on with the old token, which still lives.
        if not self.store.once(f"rotate:{enterprise}:{team}", 60):
            if expires > time.time():
                return bot
            time.sleep(1.0)
            return find() or bot
        rotated = self._rotator.perform_bot_token_rotation(bot=bot, minutes_before_expiration=ROTATE_MINUTES)
        if rotated is None or self.installations is None:
            return bot
        self.installations.save_bot(rotated)
        return rotated

    def _finder(self, team: str, enterprise: str) -> Callable[[], Bot | None]:
        def find() -> Bot | None:
            assert self.installations is not None  # noqa: S101 - only called for many workspaces
            where: dict[str, Any] = {"enterprise_id": enterprise or None, "team_id": team or None}
            bot = self.installations.find_bot(**where)
            if bot is None and enterprise:
                bot = self.installations.find_bot(**where, is_enterprise_install=True)
            return bot

        return find


def installations(settings: Settings, database: Database) -> Installations:
    """The installations of this app, with tokens sealed if a key is set."""
    return Installations(settings.client_id, database, Seal(settings.encryption_key))
