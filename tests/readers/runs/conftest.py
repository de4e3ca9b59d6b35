"""What the readers of run configurations see in a text, conflicts settled."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from advisor.facts import FactValue, Observation
from advisor.library import Library, load_library
from advisor.readers import readers
from advisor.readers.document import Document
from advisor.readers.resolve import resolve

See = Callable[[str], dict[str, FactValue]]
Observe = Callable[[str], list[Observation]]


@pytest.fixture(scope="session")
def library() -> Library:
    return load_library()


@pytest.fixture
def observe(library: Library) -> Observe:
    """Every observation of the readers of run configurations, in the order of the lines."""

    def run(text: str) -> list[Observation]:
        doc = Document.of(text)
        seen: list[Observation] = []
        for reader in readers():
            if not reader.name.startswith("runs."):
                continue
            if reader.triggers and not any(trigger in doc.lower for trigger in reader.triggers):
                continue
            found = reader.read(doc, library) if reader.needs_library else reader.read(doc)
            seen.extend(replace(item, reader=reader.name) for item in found)
        return sorted(seen, key=lambda item: item.line)

    return run


@pytest.fixture
def see(observe: Observe) -> See:
    """The facts after conflicts are settled."""
    return lambda text: resolve(observe(text)).facts
