"""Logs as one JSON object a line: what happened to which delivery, never what anybody wrote."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import TextIO

FIELDS = (
    "delivery", "hook", "status", "repository", "issue", "action", "result", "seconds", "why", "place", "jobs", "address",
)  # fmt: skip


class JsonLines(logging.Formatter):
    """A record as JSON: time (UTC), level, what happened, and the fields that were given with it."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return time.strftime(datefmt or "%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))

    def format(self, record: logging.LogRecord) -> str:
        data: dict[str, object] = {
            "time": self.formatTime(record), "level": record.levelname.lower(), "event": record.getMessage()
        }  # fmt: skip
        for field in FIELDS:
            value = getattr(record, field, None)
            if value not in (None, ""):
                data[field] = value
        return json.dumps(data, ensure_ascii=False, default=str)


def configure(stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Sends the server's logs to `stream` (standard error)."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("advisor.github")
    logger.handlers[:] = [handler]
    logger.setLevel(level)
    logger.propagate = False
