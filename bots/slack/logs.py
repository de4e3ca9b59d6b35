"""Structured logs, one JSON object a line, in which no user's text, token or name ever stands.

What others write is not trusted: of a message of slack_bolt, slack_sdk or another library only the words before the first
value stand (slack_bolt logs whole bodies beside a bad signature); of an exception its type and its frames, never its message.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from advisor.errors import AdvisorError

OURS = "bots"
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_VALUES_START = "({[<\"'`:=%"


class JsonLines(logging.Formatter):
    """A record as one line of JSON: time, level, logger, message, the `extra` of our own records, type and frames of an error."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        ours = record.name == OURS or record.name.startswith(OURS + ".")
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage() if ours else words_of(str(record.msg)),
            "process": record.process,
        }
        if ours:
            line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        else:
            line["at"] = f"{record.module}:{record.lineno}"
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = described(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False, default=lambda value: type(value).__name__)


def words_of(message: str) -> str:
    """The words of a foreign message before its first value.

    >>> words_of("Invalid request signature detected (signature: v0=1, body: text=CUDA+out+of+memory)")
    'Invalid request signature detected'
    """
    cut = next((i for i, letter in enumerate(message) if letter in _VALUES_START or letter == "\n"), len(message))
    return message[: min(cut, 120)].strip()


def described(error: BaseException) -> dict[str, Any]:
    """The type and the frames of an error, and of what caused it; no message, for that may quote what somebody wrote."""
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    found: dict[str, Any] = {
        "type": type(error).__name__,
        "frames": [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames],
    }
    code = getattr(getattr(error, "response", None), "get", lambda name, default="": default)("error", "")
    code = code or getattr(error, "code", "") or getattr(error, "errno", "") or getattr(error, "sqlstate", "")
    if isinstance(code, str | int) and code:
        found["code"] = str(code)[:60]
    if error.__cause__ is not None and not isinstance(error, AdvisorError):
        found["cause"] = type(error.__cause__).__name__
    return found


def set_up(*, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """All logging of this process as JSON lines to stderr; of other libraries only warnings."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(OURS).setLevel(level)
    logging.captureWarnings(True)
