"""YAML files read safely, with the line of every top-level entry, and never more than is reasonable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from advisor.errors import Fault

MAX_BYTES = 4 * 2**20
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path, faults: list[Fault]) -> Any:
    """The content of a YAML file, or None after adding what is wrong with it to `faults`."""
    try:
        if path.stat().st_size > MAX_BYTES:
            faults.append(Fault(str(path), 0, f"larger than {MAX_BYTES // 2**20} MiB"))
            return None
        return yaml.load(path.read_bytes(), Loader=_Loader)  # noqa: S506 - a safe loader
    except OSError as error:
        faults.append(Fault(str(path), 0, error.strerror or str(error)))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        faults.append(
            Fault(str(path), mark.line + 1 if mark else 0, str(getattr(error, "problem", None) or "not YAML"))
        )
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        faults.append(Fault(str(path), 0, f"not readable: {error}"))
    return None


def line_of(path: Path, key: str) -> int:
    """The first line that holds `key:` (or the value `key`); 1 when there is none. For messages about faults."""
    try:
        for number, text in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            stripped = text.strip().lstrip("- {")
            if stripped.startswith(f"{key}:") or stripped == key:
                return number
    except OSError:
        return 0
    return 1
