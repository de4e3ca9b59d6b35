r"""rocm-smi: the memory of AMD cards, in bytes.

>>> log = '''GPU[0]          : VRAM Total Memory (B): 25753026560
... GPU[0]          : VRAM Total Used Memory (B): 12884901888
... GPU[1]          : VRAM Total Memory (B): 25753026560'''
>>> [(item.fact, round(item.value, 2)) for item in read(Document.of(log))]
[('gpu_index', 0), ('gpu_capacity_gib', 23.98), ('process_in_use_gib', 12.0), ('gpu_count', 2)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import re2

from advisor.facts import FactValue, Observation
from advisor.readers.document import Document
from advisor.units import parse_size

TRIGGERS = ("vram total",)

RANK = 50  # below what people say of their run
_USED_RANK = 15


@cache
def _row() -> Any:
    return re2.compile(r"GPU\[([0-9]{1,3})\]\s*:\s*VRAM Total (Used )?Memory \(B\):\s*([0-9]+)")


def read(doc: Document) -> Iterator[Observation]:
    """The first card with its size and use, and how many cards the table lists."""

    def seen(fact: str, value: FactValue, offset: int, rank: int = RANK) -> Observation:
        return Observation(fact, value, doc.line_at(offset), doc.quote(offset), rank=rank)

    cards: set[int] = set()
    first = -1
    for match in _row().finditer(doc.text):
        card, size = int(match.group(1)), parse_size(f"{match.group(3)} bytes")
        if size is None:
            continue
        if not cards:
            first = card
            yield seen("gpu_index", card, match.start())
        cards.add(card)
        if card == first and size >= 0.25:
            if match.group(2):
                yield seen("process_in_use_gib", size, match.start(), _USED_RANK)
            else:
                yield seen("gpu_capacity_gib", size, match.start())
    if len(cards) > 1:
        yield seen("gpu_count", len(cards), doc.text.find("VRAM Total"))
