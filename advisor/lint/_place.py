"""Where in a file a fault is."""

from __future__ import annotations

from pathlib import Path

from advisor.errors import Fault
from advisor.records import Remedy
from advisor.rule import Rule


def fault_in(record: Rule | Remedy, key: str, message: str) -> Fault:
    """A fault of a rule or remedy, at the line of its file that begins with `key`, else at the first that holds it, else at 1."""
    return Fault(record.path, _line(record.path, key), f"{record.id}: {message}")


def _line(path: str, key: str) -> int:
    if not path:
        return 0
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return 0
    holding = 1
    for number, text in enumerate(lines, 1):
        if text.strip().lstrip("- {").startswith(f"{key}:"):
            return number
        if holding == 1 and key in text:
            holding = number
    return holding
