"""Many processes of one job that die together: one of them tells, the others say that they died as well."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

# Ranks that run out of memory together do so within seconds; a later failure of the same job is another one.
WINDOW_S = 60.0


def first_to_tell(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this process is the first of its job on this machine to tell of a failure; always true outside a launcher's job.

    Launchers (torchrun, deepspeed, accelerate) number their processes in LOCAL_RANK and are the parent of them.
    """
    if "LOCAL_RANK" not in environment or environment.get("WORLD_SIZE", "1") in ("", "1"):
        return True
    job = environment.get("TORCHELASTIC_RUN_ID") or environment.get("MASTER_PORT") or ""
    safe = "".join(char for char in job if char.isalnum())[:40]
    user = os.getuid() if hasattr(os, "getuid") else 0
    mark = Path(tempfile.gettempdir(), f"vram-advisor-{user}-{os.getppid()}-{safe}")
    try:
        return _claimed(mark)
    except OSError:
        return True


def _claimed(mark: Path) -> bool:
    """Whether the mark was made now; one that is older than WINDOW_S belongs to a failure that is over."""
    try:
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        if time.time() - mark.lstat().st_mtime < WINDOW_S:
            return False
        mark.unlink(missing_ok=True)
        return _claimed(mark)
    return True


def rank_of(environment: Mapping[str, str] = os.environ) -> str:
    """The process's rank, for a message."""
    return environment.get("RANK") or environment.get("LOCAL_RANK") or "?"
