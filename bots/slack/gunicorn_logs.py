"""gunicorn's messages, through the same lines of JSON as all others, without a line for each request."""

from __future__ import annotations

import importlib
import logging
from typing import Any

_Logger: Any = importlib.import_module("gunicorn.glogging").Logger  # without types


class Quiet(_Logger):  # type: ignore[misc]
    """Warnings and errors only, and those without values: see `bots.slack.logs`."""

    def setup(self, cfg: Any) -> None:
        """Leaves the handlers to the root logger."""
        self.cfg = cfg
        for log in (self.error_log, self.access_log):
            log.handlers[:] = []
            log.propagate = True
            log.setLevel(logging.WARNING)

    def access(self, *parts: Any) -> None:
        """No line for each request: the metrics count them."""

    def reopen_files(self) -> None:
        """There are none."""
