"""What every match must hold: never more than the pattern says."""

from __future__ import annotations

import gc
import importlib
import inspect
import pkgutil
from typing import Any

import pytest
import re2

import advisor.readers
from advisor.readers.literals import Named, Rare, literals_of


@pytest.mark.parametrize(
    ("pattern", "literals"),
    [
        ("out of memory", ("memory",)),
        ("CUDA", ("cuda",)),
        ("(?i)Tried to (?:alloc|reserve)ate", ("tried",)),
        ("ab?cdef", ("cdef",)),
        ("abc*defg", ("defg",)),
        ("abcd+efg", ("abcd",)),
        ("abc{2}xyz_", ("xyz_",)),
        (r"exit\ code\: 137", ("exit code:",)),
        ("a{100,200}x{300}", ()),
        (r"\bkilled\b", ("killed",)),
        (r"\p{Han}显存不足", ("显存不足",)),
        (r"[[:alpha:]\]x]abc", ("abc",)),
        (r"(a\)b|[)]c)defg", ("defg",)),
        ("first|second", ("first", "second")),
        ("first|[a-z]+", ()),
        ("first|x", ()),
        ("", ()),
        ("(?:one|two)", ()),
        (r"\x41bcd\x{20AC}", ("bcd",)),
    ],
)
def test_literals(pattern: str, literals: tuple[str, ...]) -> None:
    assert literals_of(pattern) == literals


def test_a_text_without_the_literal_compiles_nothing() -> None:
    pattern = Rare("never to be seen ([0-9]+)")
    assert list(pattern.finditer("seen 3", "seen 3")) == []
    assert pattern._compiled is None


def test_the_matches_are_those_of_the_pattern() -> None:
    text = "Tried 1.\ntried 2.\nTRIED 3."
    for source in ("(?i)tried ([0-9])", "Tried ([0-9])", "([0-9])", "nothing here"):
        found = [match.span(0) for match in Rare(source).finditer(text, text.lower())]
        assert found == [match.span(0) for match in re2.finditer(source, text)]


def test_every_pattern_of_the_readers_compiles() -> None:
    """Lazily compiled patterns would fail only on the text that needs them."""
    for info in pkgutil.walk_packages(advisor.readers.__path__, "advisor.readers."):
        module = importlib.import_module(info.name)
        for name in ("_forms", "_patterns"):
            make: Any = getattr(module, name, None)
            if not callable(make) or inspect.signature(make).parameters:
                continue
            made = make()
            if isinstance(made, Named):
                assert all(made[pattern] is not None for pattern in made._sources)
    rare = [item for item in gc.get_objects() if isinstance(item, Rare)]
    assert len(rare) > 300
    for item in rare:
        re2.compile(item._source)
