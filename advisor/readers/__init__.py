"""Evidence in, observations out: every module here with `TRIGGERS` and `read` is a reader, found by its file."""

from __future__ import annotations

import importlib
import os
import zlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from advisor.facts import Observation
from advisor.readers.document import Document

if TYPE_CHECKING:
    from advisor.library import Library


class Entry(Struct, frozen=True):
    """One evidence format, known without importing its module.

    Attributes:
        name: of the module under this package.
        triggers: literals in lower case that announce it; empty for a reader of every text.
        needs_library: it looks names up.
        prose_only: it has nothing to say of a text in which no person speaks (the module's `PROSE_ONLY`).
    """

    name: str
    triggers: tuple[str, ...]
    needs_library: bool
    prose_only: bool


class Reader(Struct, frozen=True):
    """An entry with its function."""

    name: str
    triggers: tuple[str, ...]
    read: Callable[..., Iterator[Observation]]
    needs_library: bool
    prose_only: bool


@lru_cache(maxsize=1)
def readers() -> tuple[Reader, ...]:
    """All readers of this package, in the order of their names.

    Raises:
        TypeError: a module has `read` but no `TRIGGERS`.
    """
    import pkgutil

    found = []
    for info in pkgutil.walk_packages(__path__, prefix=f"{__name__}."):
        module = importlib.import_module(info.name)
        read: Any = getattr(module, "read", None)
        if getattr(read, "__module__", "") != info.name:
            continue
        if not isinstance(getattr(module, "TRIGGERS", None), tuple):
            raise TypeError(f"{info.name} has read() but no tuple TRIGGERS")
        short = info.name.removeprefix(f"{__name__}.")
        found.append(
            Reader(short, module.TRIGGERS, read, read.__code__.co_argcount > 1, getattr(module, "PROSE_ONLY", False))
        )
    return tuple(sorted(found, key=lambda reader: reader.name))


def _entries(library: Library) -> list[Entry]:
    """What announces each reader, from the cache: a reader is imported when a text calls for it."""
    global _known
    if _known is None or _known[0] is not library:
        found = library.derived(
            f"readers-{_fingerprint()}",
            list[Entry],
            # Looked up anew: a reader may have been added since the list of this process was made.
            lambda: [
                Entry(item.name, item.triggers, item.needs_library, item.prose_only) for item in readers.__wrapped__()
            ],
        )
        _known = library, found
    return _known[1]


_known: tuple[Library, list[Entry]] | None = None


def _fingerprint() -> str:
    """A key of the sizes and times of this package's modules."""
    parts = []
    folders = list(__path__)
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in sorted(entries, key=lambda item: item.name):
                if entry.name.endswith(".py"):
                    stat = entry.stat()
                    parts.append(f"{entry.path} {stat.st_size} {stat.st_mtime_ns}")
                elif not entry.name.startswith("_") and entry.is_dir():
                    folders.append(entry.path)
    return f"{zlib.crc32(chr(10).join(parts).encode('utf-8', 'surrogateescape')):08x}"


def read_all(doc: Document, library: Library) -> list[Observation]:
    """What every reader whose triggers occur in the document sees, in the order of the lines."""
    from advisor.readers.prose.lines import prose_of

    lower = doc.lower
    spoken = bool(prose_of(doc).text.strip())
    seen: list[Observation] = []
    for entry in _entries(library):
        if (entry.prose_only and not spoken) or (
            entry.triggers and not any(trigger in lower for trigger in entry.triggers)
        ):
            continue
        module = importlib.import_module(f"{__name__}.{entry.name}")
        observations = module.read(doc, library) if entry.needs_library else module.read(doc)
        seen.extend(replace(item, reader=entry.name) for item in observations)
    seen.sort(key=lambda item: item.line)
    return seen
