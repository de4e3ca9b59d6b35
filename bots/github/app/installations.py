"""Who the app is, and the tokens of its installations: fetched when needed, kept until shortly before they expire."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec import Struct

from advisor.errors import InputError
from bots.github.api import GitHub
from bots.github.calls import API_URL, Caller, Patience, not_installed, requester_of
from bots.github.errors import GitHubError, Refused

# What the app needs, and what it takes as well where it was granted: the settings file is read with either of the last two.
_NEEDED = {"issues": "write", "metadata": "read"}
_WELCOME = {"contents": "read", "single_file": "read"}
_EARLY = 300.0  # seconds before a token expires at which it is renewed


class _Token(Struct, frozen=True):
    text: str
    expires: float


class Installations:
    """Clients for the repositories of an app's installations. One object serves all threads.

    Args:
        app_id: the app's number (or client id).
        private_key: in PEM.
        api_url: GitHub's API.
        patience: of the clients; short, since a job that must wait is put back and does not hold a worker.
    """

    def __init__(
        self, app_id: str, private_key: str, *, api_url: str = API_URL, patience: Patience | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        try:
            from github import Auth
        except ImportError:
            raise not_installed() from None
        self._auth = Auth.AppAuth(app_id, private_key)
        self._api_url = api_url
        self._patience = patience or Patience(attempts=4, longest_wait=10.0, budget=30.0)
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens: dict[int, _Token] = {}
        self._locks: dict[int, threading.Lock] = {}
        self._app: dict[str, Any] | None = None

    def login(self) -> str:
        """Our account on GitHub: the app's name with [bot]. Raises GitHubError where the key or number is wrong."""
        slug = self._about().get("slug")
        if not isinstance(slug, str) or not slug:
            raise GitHubError("GitHub does not say which app this is", place="GET /app")
        return f"{slug}[bot]"

    def client(self, installation: int, repository: str) -> GitHub:
        """A client of one repository, for one thread."""
        from github import Auth

        requester = requester_of(Auth.Token(self._token(installation)), self._api_url, self._patience)
        return GitHub(Caller(requester, patience=self._patience), repository, login=self.login())

    def renew(self, installation: int) -> None:
        """Forgets the token of an installation: the next client fetches another."""
        with self._lock:
            self._tokens.pop(installation, None)

    def _about(self) -> dict[str, Any]:
        with self._lock:
            if self._app is None:
                from jwt import PyJWTError  # PyGithub signs with it

                try:
                    data = self._as_app().call("GET", "/app")
                except Refused as error:
                    hint = "Check ADVISOR_GITHUB_APP_ID and the private key."
                    raise GitHubError(error.message, place="GET /app", hint=hint) from None
                except (ValueError, PyJWTError):
                    raise InputError(
                        "the private key is no RSA key in PEM", hint="Download it from the app's page."
                    ) from None
                self._app = data if isinstance(data, dict) else {}
            return self._app

    def _token(self, installation: int) -> str:
        with self._lock:
            lock = self._locks.setdefault(installation, threading.Lock())
        with lock:
            known = self._tokens.get(installation)
            if known is None or known.expires - _EARLY < self._clock():
                known = self._fetch(installation)
                with self._lock:
                    self._tokens[installation] = known
            return known.text

    def _fetch(self, installation: int) -> _Token:
        granted = self._about().get("permissions")
        extra = {name: level for name, level in _WELCOME.items() if isinstance(granted, dict) and name in granted}
        path = f"/app/installations/{installation:d}/access_tokens"
        caller = self._as_app()
        try:
            data = caller.call("POST", path, {"permissions": _NEEDED | extra})
        except Refused as error:
            if error.status != 422 or not extra:
                raise
            data = caller.call("POST", path, {"permissions": _NEEDED})  # not yet granted by this installation
        token, expires = data.get("token"), str(data.get("expires_at", ""))
        if not isinstance(token, str):
            raise GitHubError("GitHub gave no token", place=f"POST {path}")
        try:
            until = datetime.fromisoformat(expires).timestamp()
        except ValueError:
            until = self._clock() + 3_600.0
        return _Token(token, until)

    def _as_app(self) -> Caller:
        return Caller(requester_of(self._auth, self._api_url, self._patience), patience=self._patience)
