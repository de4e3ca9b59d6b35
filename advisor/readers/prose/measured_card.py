"""Which of the named cards the run was on: the one whose memory is what the runtime measured.

>>> from advisor.library import load_library
>>> doc = Document.of("I use a 1080 Ti, a V100 (16G) fails too\\nCUDA out of memory (GPU 0; 10.91 GiB total capacity)")
>>> [name for name in ("GTX 1080 Ti", "V100-16GB") if is_measured(name, capacity_of(doc), load_library())]
['GTX 1080 Ti']
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import re2

from advisor.library import Library
from advisor.readers.document import Document
from advisor.readers.prose.negation import Mention

# What a runtime reports lies a little under what is sold.
_LEAST, _MOST = 0.88, 1.08
# A card's name, with the number of cards and the memory that stand beside it.
Card = tuple[Mention, Mention | None, Mention | None]


@lru_cache(maxsize=1)
def _pattern() -> Any:
    return re2.compile(r"total capac\w* of (\d{1,3}\.\d{1,2}) gib(?:[^\w]|$)|(\d{1,3}\.\d{1,2}) gib total capac")


def capacity_of(doc: Document) -> float | None:
    """The card's memory in GiB as PyTorch's message reports it; None without one, or where cards differ."""
    if "total capac" not in doc.lower:
        return None
    found = {float(match.group(1) or match.group(2)) for match in _pattern().finditer(doc.lower)}
    return max(found) if found and max(found) - min(found) < 1 else None


def of_the_run(cards: list[Card], doc: Document, library: Library) -> list[Card]:
    """The named cards that have the memory which the runtime measured, if any has: others were tried beside."""
    capacity = capacity_of(doc)
    return [item for item in cards if is_measured(str(item[0].value), capacity, library)] or cards


def is_measured(name: str, capacity: float | None, library: Library) -> bool:
    """Whether a card may have that much memory; yes where nothing is known."""
    if capacity is None:
        return True
    rows = [row for row in library.gpus.values() if name in (row.name, row.card)]
    return not rows or any(_LEAST * row.memory_gb <= capacity <= _MOST * row.memory_gb for row in rows)
