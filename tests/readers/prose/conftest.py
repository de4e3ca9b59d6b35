"""The built-in packs, and what the readers of prose see in a text."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType

import pytest

from advisor.facts import FactValue
from advisor.library import Library, load_library
from advisor.readers.document import Document
from advisor.readers.resolve import resolve

See = Callable[[ModuleType, str], dict[str, FactValue]]


@pytest.fixture(scope="session")
def library() -> Library:
    return load_library()


@pytest.fixture
def see(library: Library) -> See:
    """The facts that one reader sees in a text, conflicts settled."""

    def run(reader: ModuleType, text: str) -> dict[str, FactValue]:
        document = Document.of(text)
        takes_library = len(inspect.signature(reader.read).parameters) > 1
        return resolve(list(reader.read(document, library) if takes_library else reader.read(document))).facts

    return run
