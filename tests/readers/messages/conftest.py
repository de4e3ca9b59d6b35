"""What all readers see in a text, conflicts settled."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest

from advisor.facts import FactValue
from advisor.library import load_library
from advisor.readers import read_all
from advisor.readers.document import Document
from advisor.readers.resolve import Resolution, resolve

See: TypeAlias = Callable[[str], Resolution]
Check: TypeAlias = Callable[..., Resolution]
_LIBRARY = load_library()


@pytest.fixture(scope="session")
def see() -> See:
    return lambda text: resolve(read_all(Document.of(text), _LIBRARY))


@pytest.fixture(scope="session")
def check(see: See) -> Check:
    """Reads the text; holds the failure's kind and the facts against what is expected. A fact of None must be absent."""

    def run(text: str, kind: str | None = None, **expected: FactValue | None) -> Resolution:
        seen = see(text)
        if kind is not None:
            assert seen.failure[0] == kind, f"{seen.failure}: {seen.failed}"
        for fact, value in expected.items():
            got = seen.facts.get(fact)
            if isinstance(value, float) and isinstance(got, float | int):
                assert got == pytest.approx(value, rel=2e-3, abs=1e-6), fact
            else:
                assert got == value, f"{fact}: {got!r} for {value!r}"
        return seen

    return run
