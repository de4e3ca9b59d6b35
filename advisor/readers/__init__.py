"""Evidence in, observations out: every module here with `TRIGGERS` and `read` is a reader, found by its file."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from advisor.facts import Observation
from advisor.readers.document import Document

if TYPE_CHECKING:
    from advisor.library import Library


class Reader(Struct, frozen=True):
    """One evidence format: its module's name, the literals that announce it, and its function."""

    name: str
    triggers: tuple[str, ...]
    read: Callable[..., Iterator[Observation]]
    needs_library: bool


@lru_cache(maxsize=1)
def readers() -> tuple[Reader, ...]:
    """All readers of this package, in the order of their names.

    Raises:
        TypeError: a module has `read` but no `TRIGGERS`.
    """
    found = []
    for info in pkgutil.walk_packages(__path__, prefix=f"{__name__}."):
        module = importlib.import_module(info.name)
        read = getattr(module, "read", None)
        if read is None or not inspect.isfunction(read) or read.__module__ != info.name:
            continue
        if not isinstance(getattr(module, "TRIGGERS", None), tuple):
            raise TypeError(f"{info.name} has read() but no tuple TRIGGERS")
        short = info.name.removeprefix(f"{__name__}.")
        found.append(Reader(short, module.TRIGGERS, read, len(inspect.signature(read).parameters) > 1))
    return tuple(sorted(found, key=lambda reader: reader.name))


def read_all(doc: Document, library: Library) -> list[Observation]:
    """What every reader whose triggers occur in the document sees, in the order of the lines."""
    lower = doc.lower
    seen: list[Observation] = []
    for reader in readers():
        if reader.triggers and not any(trigger in lower for trigger in reader.triggers):
            continue
        observations = reader.read(doc, library) if reader.needs_library else reader.read(doc)
        seen.extend(replace(item, reader=reader.name) for item in observations)
    seen.sort(key=lambda item: item.line)
    return seen
