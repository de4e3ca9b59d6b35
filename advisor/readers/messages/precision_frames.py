"""Frames of mixed precision in a traceback: half precision is on, whatever else the text tells of it.

>>> log = '''  File "/home/user/ParlAI/parlai/utils/fp16.py", line 194, in backward
...     loss.backward()'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('tried', 'mixed_precision')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import re2

from advisor.facts import Observation
from advisor.readers.document import Document

TRIGGERS = ("fp16", "apex/amp", "grad_scaler.py", "decorate_autocast", "fp16_optimizer", "bf16_optimizer")


@cache
def _frame() -> Any:
    return re2.compile(
        r"(?:File \"|^\s*)[^\"\n]*(?:/fp16(?:_utils|_optimizer|util|_util)?\.py|/bf16_optimizer\.py|/apex/(?:amp|fp16_utils)/[\w/]*\.py|"
        r"/amp/grad_scaler\.py)\"?,? line [0-9]+|\bin decorate_autocast\b"
    )


def read(doc: Document) -> Iterator[Observation]:
    """The first such frame."""
    match = _frame().search(doc.text)
    if match is not None:
        line, quote = doc.line_at(match.start()), doc.quote(match.start())
        yield Observation("tried", "mixed_precision", line, quote, rank=50)
