"""The examples in docstrings hold."""

from __future__ import annotations

import doctest
import importlib

import pytest

MODULES = ("store", "store.base", "web", "logs", "report", "work.post")


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module(name: str) -> None:
    failed, tried = doctest.testmod(importlib.import_module(f"bots.slack.{name}"))
    assert tried > 0
    assert failed == 0
