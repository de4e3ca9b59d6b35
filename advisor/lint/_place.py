"""Where in a file a fault is."""

from __future__ import annotations

from pathlib import Path

from advisor.errors import Fault
from advisor.library.yaml_files import line_of
from advisor.records import Remedy
from advisor.rule import Rule


def fault_in(record: Rule | Remedy, key: str, message: str) -> Fault:
    """A fault of a rule or remedy, at the first line of its file that names `key`."""
    path = record.path
    return Fault(path, line_of(Path(path), key) if path else 0, f"{record.id}: {message}")
