"""The examples in the readers' docstrings hold: each reader shows what it reads."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import advisor.readers

MODULES = sorted(info.name for info in pkgutil.walk_packages(advisor.readers.__path__, "advisor.readers."))


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name: str) -> None:
    module = importlib.import_module(name)
    outcome = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert outcome.failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder()
    shown = [name for name in MODULES if any(test.examples for test in finder.find(importlib.import_module(name)))]
    assert len(shown) > 20
