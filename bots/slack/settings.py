"""All that can be set, from the environment and from options; every secret by a variable or by a file that it names.

`NAME_FILE=/run/secrets/x` stands for `NAME=<what the file holds>`, for every variable below.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from msgspec import Struct

from bots.slack.store.records import StoreError

SLACK_API = "https://slack.com/api/"
SCOPES = (
    "app_mentions:read", "channels:history", "chat:write", "commands", "files:read", "files:write", "groups:history",
    "im:history", "im:write", "users:read",
)  # fmt: skip


class SettingsError(StoreError):
    """A variable is missing or has a value that it can't have; `place` names it."""


class Settings(Struct, frozen=True, kw_only=True):
    """One installation of the bot. Secrets don't show in its repr."""

    mode: Literal["socket", "http"] = "socket"
    database: str = ""
    bot_token: str = ""
    app_token: str = ""
    signing_secret: str = ""
    client_id: str = ""
    client_secret: str = ""
    encryption_key: str = ""
    scopes: tuple[str, ...] = SCOPES
    public_url: str = ""
    api_url: str = SLACK_API
    extra_hosts: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = 3000
    health_port: int = 0
    processes: int = 1
    threads: int = 4
    lease: float = 30.0
    grace: float = 25.0
    queue_limit: int = 10_000
    retention_days: int | None = 90
    rules: tuple[str, ...] = ()
    knowledge: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Settings(mode={self.mode!r}, workspaces={'many' if self.many else 'one'})"

    @property
    def many(self) -> bool:
        """Whether it is installed into workspaces by OAuth, rather than into one by its token."""
        return bool(self.client_id)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Hosts beside Slack's own that may be written to and read from: those named, and that of another `api_url`."""
        api = urlsplit(self.api_url).netloc.lower()
        return self.extra_hosts if self.api_url == SLACK_API else (*self.extra_hosts, api)

    @classmethod
    def of(cls, environment: Mapping[str, str] | None = None, **options: object) -> Settings:
        """The settings of an environment; options that are not None override it.

        Raises: SettingsError, naming the variable and what it must be.
        """
        read = _Reader(os.environ if environment is None else environment)
        given = {name: value for name, value in options.items() if value is not None}
        days = read.number("ADVISOR_SLACK_RETENTION_DAYS", 90, 0, 3650)
        values: dict[str, object] = {
            "database": read.text("ADVISOR_SLACK_DATABASE") or default_database(),
            "bot_token": read.text("SLACK_BOT_TOKEN"),
            "app_token": read.text("SLACK_APP_TOKEN"),
            "signing_secret": read.text("SLACK_SIGNING_SECRET"),
            "client_id": read.text("SLACK_CLIENT_ID"),
            "client_secret": read.text("SLACK_CLIENT_SECRET"),
            "encryption_key": read.text("ADVISOR_SLACK_ENCRYPTION_KEY"),
            "scopes": read.words("SLACK_SCOPES", ",") or SCOPES,
            "public_url": read.text("ADVISOR_SLACK_PUBLIC_URL").rstrip("/"),
            "api_url": (read.text("SLACK_API_URL") or SLACK_API).rstrip("/") + "/",
            "extra_hosts": tuple(host.lower() for host in read.words("ADVISOR_SLACK_EXTRA_HOSTS", ",")),
            "host": read.text("ADVISOR_SLACK_HOST") or "127.0.0.1",
            "port": read.number("ADVISOR_SLACK_PORT", 3000, 1, 65_535),
            "health_port": read.number("ADVISOR_SLACK_HEALTH_PORT", 0, 0, 65_535),
            "processes": read.number("ADVISOR_SLACK_PROCESSES", min(max((os.cpu_count() or 1) - 1, 1), 4), 1, 64),
            "threads": read.number("ADVISOR_SLACK_THREADS", 4, 1, 64),
            "lease": float(read.number("ADVISOR_SLACK_LEASE", 30, 2, 600)),
            "grace": float(read.number("ADVISOR_SLACK_GRACE", 25, 1, 600)),
            "queue_limit": read.number("ADVISOR_SLACK_QUEUE_LIMIT", 10_000, 1, 1_000_000),
            "retention_days": days or None,
            "rules": read.words("ADVISOR_SLACK_RULES", os.pathsep),
            "knowledge": read.words("ADVISOR_SLACK_KNOWLEDGE", os.pathsep),
        }
        return cls(**(values | given))  # type: ignore[arg-type]

    def checked(self) -> Settings:
        """Itself, if it can be started with. Raises SettingsError for what is missing."""
        if self.many and not self.client_secret:
            raise SettingsError("is missing", place="SLACK_CLIENT_SECRET", hint="App settings, Basic Information.")
        if self.many and self.bot_token:
            raise SettingsError(
                "is set beside SLACK_CLIENT_ID",
                place="SLACK_BOT_TOKEN",
                hint="One workspace: the token. Many: the client id.",
            )
        if self.many and self.mode == "socket":
            raise SettingsError(
                "many workspaces need a public address",
                place="SLACK_CLIENT_ID",
                hint="Start with: advisor slack --http",
            )
        if not self.many:
            _shape("SLACK_BOT_TOKEN", self.bot_token, "xox", "App settings, OAuth & Permissions, Bot User OAuth Token.")
        if self.mode == "socket":
            where = "App settings, Basic Information, App-Level Tokens, with the scope connections:write."
            _shape("SLACK_APP_TOKEN", self.app_token, "xapp-", where)
        elif not self.signing_secret:
            hint = "App settings, Basic Information, Signing Secret."
            raise SettingsError("is missing", place="SLACK_SIGNING_SECRET", hint=hint)
        return self


def default_database() -> str:
    """A SQLite file in the folder where this platform keeps a user's data; the folder is made."""
    import platformdirs

    folder = Path(platformdirs.user_data_dir("vram-advisor", appauthor=False))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return f"sqlite:///{folder / 'slack.db'}"


def _shape(name: str, token: str, start: str, where: str) -> None:
    if not token:
        raise SettingsError("is missing", place=name, hint=where)
    if not token.startswith(start):
        raise SettingsError(f"does not start with {start}", place=name, hint=where)


class _Reader:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str) -> str:
        named = self._environment.get(f"{name}_FILE")
        if not named:
            return self._environment.get(name, "").strip()
        try:
            return Path(named).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{named} can't be read", place=f"{name}_FILE") from error

    def words(self, name: str, separator: str) -> tuple[str, ...]:
        return tuple(word.strip() for word in self.text(name).split(separator) if word.strip())

    def number(self, name: str, default: int, lowest: int, highest: int) -> int:
        text = self.text(name)
        if not text:
            return default
        try:
            value = int(text)
        except ValueError:
            value = lowest - 1
        if not lowest <= value <= highest:
            raise SettingsError(f"is not a whole number from {lowest} to {highest}", place=name)
        return value
