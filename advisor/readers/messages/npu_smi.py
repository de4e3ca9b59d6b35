r"""npu-smi: the high-bandwidth memory of Ascend cards, in MB.

>>> log = '''| npu-smi 24.1.rc1                 Version: 24.1.rc1                                                |
... | 2     910B3               | OK            | 93.4        45                0    / 0             |
... | 0                         | 0000:C1:00.0  | 0           0    / 0          32768/ 65536         |'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('gpu_index', 2), ('gpu_name', 'Ascend 910B3'), ('gpu_capacity_gib', 64.0), ('process_in_use_gib', 32.0)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import re2

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.units import parse_size

TRIGGERS = ("npu-smi",)

RANK = 50
_USED_RANK = 15


@cache
def _rows() -> Any:
    return re2.compile(
        r"(?m)^\W*([0-9]{1,3})\s+((?:910|310)\w*)\s+\|[^\n]*\n\W*[0-9]{1,3}(?:\s+[0-9]+)?\s+\|\s*[0-9A-Fa-f]{4}:[^\n]*?([0-9]+)\s*/\s*([0-9]{4,6})\s*\W*$"
    )


def read(doc: Document) -> Iterator[Observation]:
    """The first card with its name, size and use, and how many cards the table lists."""
    rows = list(_rows().finditer(doc.text))
    if not rows:
        return
    first = rows[0]
    line, quote = doc.line_at(first.start(1)), doc.quote(first.start(1))
    yield Observation("gpu_index", int(first.group(1)), line, quote, rank=RANK)
    yield Observation("gpu_name", f"Ascend {first.group(2)}", line, quote, rank=RANK)
    total, used = parse_size(f"{first.group(4)} MB"), parse_size(f"{first.group(3)} MB")
    line, quote = doc.line_at(first.start(4)), doc.quote(first.start(4))
    if total is not None:
        yield Observation("gpu_capacity_gib", total, line, quote, rank=RANK)
        if used is not None and 0.1 <= used <= total:
            yield Observation("process_in_use_gib", used, line, quote, rank=_USED_RANK, origin="derived")
    if len(rows) > 1:
        yield Observation("gpu_count", len(rows), line, quote, rank=RANK)
