"""\"Did you mean\": the known names nearest to an unknown one, never used to decide a fact."""

from __future__ import annotations

from collections.abc import Iterable

from advisor.library import Library
from advisor.names.keys import key_of

_NEAR_ENOUGH = 60.0


def suggest_gpus(name: str, library: Library, count: int = 3) -> list[str]:
    """Canonical names of cards that an unknown name may mean; those with the same numbers come first."""
    return _nearest(name, [row.name for row in library.gpus.values()], count)


def suggest_models(name: str, library: Library, count: int = 3) -> list[str]:
    """Names of models that an unknown name may mean; those with the same numbers come first."""
    return _nearest(name, [row.name for row in library.models.values()], count)


def _numbers(key: str) -> tuple[str, ...]:
    numbers, current = [], ""
    for char in f"{key} ":
        if char.isdigit() or (char == "." and current):
            current += char
        elif current:
            numbers.append(current)
            current = ""
    return tuple(numbers)


def _nearest(name: str, names: Iterable[str], count: int) -> list[str]:
    """The nearest names by spelling; a name with other numbers (RTX 4090 for RTX 4095) only where none has the same."""
    from rapidfuzz import fuzz, process

    keys = {each: key_of(each) for each in names}
    wanted = key_of(name)
    same = {each: key for each, key in keys.items() if _numbers(key) == _numbers(wanted)}
    for pool in (same, keys):
        found = process.extract(wanted, pool, scorer=fuzz.WRatio, limit=count, score_cutoff=_NEAR_ENOUGH)
        if found:
            return [str(choice) for _, _, choice in found]
    return []
