"""Where the packs of rules and knowledge lie, in a checkout and in an installed wheel, and where caches go."""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def data_folder(name: str) -> Path:
    """The folder `rules` or `knowledge`: inside the package when installed, beside it in a checkout."""
    packaged = _PACKAGE / "_data" / name
    return packaged if packaged.is_dir() else _PACKAGE.parent / name


def cache_folder() -> Path:
    """The per-user cache folder; `ADVISOR_CACHE` moves it. It may not exist and may not be writable."""
    stated = os.environ.get("ADVISOR_CACHE")
    if stated:
        return Path(stated)
    import platformdirs

    return Path(platformdirs.user_cache_dir("vram-advisor", appauthor=False))
