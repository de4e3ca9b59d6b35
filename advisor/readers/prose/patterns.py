"""Many patterns over one text: a single pass tells which of them occur, and only those are searched.

>>> table = Patterns([("colour", "r[eo]d"), ("count", "[0-9]+")])
>>> [name for name, _ in table.present("a rod")]
['colour']
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from typing import Any

import re2

# Room for the automaton of a table; it grows only as far as the texts need.
_MAX_MEMORY = 64 << 20


@lru_cache(maxsize=512)
def compiled(pattern: str) -> Any:
    """The pattern, compiled at first use."""
    return re2.compile(pattern)


class Test:
    """Whether a pattern occurs in a text, without asking where: several times faster than a search."""

    def __init__(self, pattern: str) -> None:
        self._patterns = Patterns([("", pattern)])

    def __call__(self, text: str) -> bool:
        return bool(text) and self._patterns.any(text)


class Patterns:
    """Named patterns in their order; a name may occur more than once."""

    def __init__(self, items: Sequence[tuple[str, str]]) -> None:
        self._items = tuple(items)

    @cached_property
    def _set(self) -> Any:
        options = re2.Options()
        options.max_mem = _MAX_MEMORY
        options.log_errors = False
        together = re2.Set.SearchSet(options)
        for _, pattern in self._items:
            together.Add(pattern.encode())
        together.Compile()
        return together

    def present(self, text: str) -> Iterator[tuple[str, Any]]:
        """Name and compiled pattern of each that matches somewhere in `text`, in their order."""
        for index in sorted(self._set.Match(text.encode()) or ()):
            name, pattern = self._items[index]
            yield name, compiled(pattern)

    def any(self, text: str) -> bool:
        """Whether one of them matches somewhere in `text`."""
        return bool(self._set.Match(text.encode()))

    def names(self, text: str) -> set[str]:
        """The names of those that match somewhere in `text`."""
        return {self._items[index][0] for index in self._set.Match(text.encode()) or ()}
