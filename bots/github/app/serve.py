"""gunicorn around the webhook: the settings of the environment, one process with threads, a graceful end."""

from __future__ import annotations

import importlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from advisor.errors import InputError
from advisor.library import load_library
from bots.github.app.installations import Installations
from bots.github.app.logs import configure
from bots.github.app.store import Store
from bots.github.app.webhook import Webhook
from bots.github.app.workers import Workers
from bots.github.calls import API_URL
from bots.github.errors import GitHubError

APP_ID, KEY, KEY_FILE = "ADVISOR_GITHUB_APP_ID", "ADVISOR_GITHUB_PRIVATE_KEY", "ADVISOR_GITHUB_PRIVATE_KEY_FILE"
SECRET, OLD_SECRET = "ADVISOR_GITHUB_WEBHOOK_SECRET", "ADVISOR_GITHUB_WEBHOOK_SECRET_OLD"
_THREADS = 8
_DRAIN = 20.0


class Settings(Struct, frozen=True):
    """What the server needs to know. `secrets`: the webhook's, and the one before while it is being changed."""

    app_id: str
    private_key: str
    secrets: tuple[str, ...]
    database: Path
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 2
    api_url: str = API_URL
    drain: float = _DRAIN
    rules: tuple[str, ...] = ()
    knowledge: tuple[str, ...] = ()


def secrets_of(environ: Mapping[str, str]) -> tuple[str, str, tuple[str, ...]]:
    """App id, private key and webhook secrets of the environment; the key may be in a file.

    Raises:
        InputError: one is missing; the message says which.
    """
    app_id, key = environ.get(APP_ID, "").strip(), environ.get(KEY, "").replace("\\n", "\n").strip()
    file = environ.get(KEY_FILE, "").strip()
    if not key and file:
        key = _key_in(Path(file))
    secrets = tuple(secret for name in (SECRET, OLD_SECRET) if (secret := environ.get(name, "").strip()))
    needed = {APP_ID: app_id, f"{KEY} or {KEY_FILE}": key, SECRET: environ.get(SECRET, "").strip()}
    missing = [name for name, value in needed.items() if not value]
    if missing:
        raise InputError(f"not set: {', '.join(missing)}", hint="docs/github.md says where each of them comes from.")
    return app_id, key, secrets


def _key_in(path: Path) -> str:
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode) and mode & (stat.S_IROTH | stat.S_IWOTH):
            raise InputError(
                "everybody on this machine may read or change the key", place=str(path), hint=f"chmod 600 {path}"
            )
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise InputError(error.strerror or str(error), place=str(path)) from None
    except UnicodeDecodeError:
        raise InputError("is no key in PEM", place=str(path)) from None


def serve(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT: then no more is accepted, running jobs end, waiting ones stay in the database.

    Raises:
        AdvisorError: a wrong key or number, GitHub can't be reached, a database that can't be written, gunicorn is not installed.
    """
    try:
        base: Any = importlib.import_module("gunicorn.app.base").BaseApplication
    except ImportError:
        raise GitHubError("gunicorn is not installed", hint="pip install 'vram-advisor[github]'") from None
    configure()
    login = Installations(
        settings.app_id, settings.private_key, api_url=settings.api_url
    ).login()  # before anything listens
    load_library(rules=settings.rules, knowledge=settings.knowledge)  # faults of a pack are said now
    Store(settings.database).close()

    class _Server(base):  # type: ignore[misc]
        def load_config(self) -> None:
            for name, value in gunicorn_settings(settings).items():
                self.cfg.set(name, value)
            self.cfg.set("post_worker_init", _start)
            self.cfg.set("worker_exit", _stop)

        def load(self) -> Any:
            parts = Parts(settings, login)
            self.parts = parts
            return parts.webhook

    def _start(worker: Any) -> None:
        server.parts.workers.start()

    def _stop(_: Any, worker: Any) -> None:
        parts = getattr(server, "parts", None)
        if parts is not None:
            parts.close(settings.drain)

    server = _Server()
    server.run()


class Parts:
    """What one process holds: made after the fork, since a database connection and threads don't survive it."""

    def __init__(self, settings: Settings, login: str) -> None:
        self.store = Store(settings.database)
        installations = Installations(settings.app_id, settings.private_key, api_url=settings.api_url)
        library = load_library(rules=settings.rules, knowledge=settings.knowledge)
        self.workers = Workers(self.store, installations, library, size=settings.workers)
        self.webhook = Webhook(settings.secrets, self.store, self.workers, login=login)

    def close(self, seconds: float) -> None:
        """Lets running jobs end and closes the database."""
        if self.workers.stop(seconds):
            self.store.close()


def gunicorn_settings(settings: Settings) -> dict[str, Any]:
    """One process, since the diagnosis is short and the pool is shared; threads, since deliveries only wait for the database."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return {
        "bind": f"{host}:{settings.port}", "workers": 1, "worker_class": "gthread", "threads": _THREADS, "timeout": 60,
        "graceful_timeout": int(settings.drain) + 10, "keepalive": 5, "proc_name": "advisor-github", "loglevel": "warning",
        "limit_request_field_size": 8_190, "worker_tmp_dir": "/dev/shm" if os.path.isdir("/dev/shm") else None,  # noqa: S108
    }  # fmt: skip
