r"""The card in a table of the environment that a report asks for: `| GPU | 8 x A100 80G |`, `| NPU | Ascend 910B*8 |`.

>>> from advisor.library import load_library
>>> table = '''| transformers version | 4.53.3 |
... | NPU                  | ascend 910b*8 |'''
>>> [(item.fact, item.value) for item in read(Document.of(table), load_library())]
[('gpu_name', 'Ascend 910B'), ('gpu_count', 8)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import re2

from advisor.facts import Observation
from advisor.library import Library
from advisor.names import find_gpus
from advisor.readers.document import Document

TRIGGERS = ("| gpu", "|gpu", "| npu", "|npu", "| device", "| card", "| 显卡", "|显卡", "| accelerator")

RANK = 39  # below a sentence about the run: the machine may have more cards than it uses
_MAX = 20


@cache
def _patterns() -> tuple[Any, Any]:
    row = re2.compile(
        r"(?im)^\s*\|\s*(?:GPU|NPU|Device|Card|显卡|Accelerator)s?(?: (?:name|type|model|info(?:rmation)?|型号))?\s*\|\s*([^|\n]{2,80}?)\s*\|\s*$"
    )
    count = re2.compile(r"(?i)(?:^|[^\w.])([0-9]{1,4}) ?[x×*张块] ?|[x×*] ?([0-9]{1,4})(?:[^\w.]|$)")
    return row, count


def read(doc: Document, library: Library) -> Iterator[Observation]:
    """The first row about a card that names one, and the count in the same cell."""
    row, count = _patterns()
    for match, _ in zip(row.finditer(doc.text), range(_MAX), strict=False):
        cell = match.group(1)
        names = find_gpus(f"gpu: {cell}", library)
        if not names:
            continue
        line, quote = doc.line_at(match.start(1)), doc.quote(match.start(1))
        yield Observation("gpu_name", names[0].name, line, quote, rank=RANK)
        number = count.search(cell)
        if number is not None and (value := int(number.group(1) or number.group(2))) > 0:
            yield Observation("gpu_count", value, line, quote, rank=RANK)
        return
