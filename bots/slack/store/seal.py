"""Seals tokens before they are written, if a key is configured; reads sealed and plain ones."""

from __future__ import annotations

from typing import Any

from bots.slack.store.records import StoreError

_MARK = "sealed:"
_VARIABLE = "ADVISOR_SLACK_ENCRYPTION_KEY"


class Seal:
    """Fernet (AES-128-CBC with HMAC-SHA256) under the first of the keys; any of them opens. Without a key it changes nothing.

    Args:
        keys: keys as `Fernet.generate_key()` makes them, separated by commas, the newest first.

    Raises: StoreError, for a key that is none, or where the library for it is not installed.
    """

    def __init__(self, keys: str = "") -> None:
        self._fernet: Any = None
        chosen = [key.strip() for key in keys.split(",") if key.strip()]
        if not chosen:
            return
        try:
            from cryptography.fernet import Fernet, MultiFernet
        except ImportError as error:
            raise StoreError("sealing needs a library", place=_VARIABLE, hint="pip install cryptography") from error
        try:
            self._fernet = MultiFernet([Fernet(key) for key in chosen])
        except ValueError as error:
            make = "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
            raise StoreError("is not a key", place=_VARIABLE, hint=f"Make one: {make}") from error

    def close(self, text: str | None) -> str | None:
        """What is written for a token."""
        if self._fernet is None or not text:
            return text
        return _MARK + str(self._fernet.encrypt(text.encode()).decode())

    def open(self, text: str | None) -> str | None:
        """The token of what was written. Raises StoreError, where the key for it is gone."""
        if not text or not text.startswith(_MARK):
            return text
        if self._fernet is None:
            raise StoreError("the tokens are sealed and no key is given", place=_VARIABLE)
        from cryptography.fernet import InvalidToken

        try:
            return str(self._fernet.decrypt(text.removeprefix(_MARK).encode()).decode())
        except InvalidToken as error:
            raise StoreError("no key opens the stored tokens", place=_VARIABLE, hint="Add the former key.") from error
