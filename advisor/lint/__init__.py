"""Checks of rules and remedies beyond their form: small validators, one concern a file, found by discovery.

Any module here with `check(library) -> Iterator[Fault]` is a validator. All faults are collected; each has a path and a line.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from functools import lru_cache

from advisor.errors import Fault
from advisor.library import Library

Validator = Callable[[Library], Iterator[Fault]]


@lru_cache(maxsize=1)
def validators() -> tuple[tuple[str, Validator], ...]:
    """The validators by the name of their file."""
    found = []
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        check = getattr(module, "check", None)
        if callable(check):
            found.append((info.name, check))
    return tuple(sorted(found, key=lambda item: item[0]))


def check_library(library: Library) -> list[Fault]:
    """All faults of the rules and remedies, ordered by path and line; empty when there is none."""
    faults = [fault for _, check in validators() for fault in check(library)]
    return sorted(faults, key=lambda fault: (fault.path, fault.line, fault.message))
