r"""How many parameters a model has, where a training program prints it: nanoGPT, torchtitan, Lightning, EasyDeL and the like.

>>> log = '''number of parameters: 1310.92M
... using fused AdamW: True'''
>>> [(item.fact, round(item.value, 5)) for item in read(Document.of(log))]
[('params_b', 1.31092)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import re2

from advisor.facts import Observation
from advisor.readers.document import Document

TRIGGERS = ("parameters", "total params", "model params")

RANK = 28  # what a name says is for people, this is a count; of quantised weights programs count bytes
_UNITS = {"": 1e-9, "k": 1e-6, "m": 1e-3, "b": 1.0, "million": 1e-3, "billion": 1.0}
_SMALLEST = 0.001


@cache
def _patterns() -> tuple[Any, ...]:
    number = r"([0-9][0-9,]*(?:\.[0-9]+)?)"
    return (
        # https://github.com/karpathy/nanoGPT/blob/master/model.py, https://github.com/pytorch/torchtitan (train.py)
        re2.compile(
            rf"(?im)(?:^|[\s:|])(?:total )?number of (?:model )?param(?:eter)?s: ?{number} ?([MBK])?(?:[^\w.]|$)"
        ),
        re2.compile(rf"(?i)\bmodel \S+(?: \S+)? size: {number} total parameters()"),
        # https://github.com/Lightning-AI/pytorch-lightning: model_summary.py
        re2.compile(rf"(?im)^\s*{number} ?([MBK])\s+Total params\s*$"),
        re2.compile(rf"(?i)\bmodel (?:contains?|has) +{number} +(billion|million) +parameters"),
    )


def read(doc: Document) -> Iterator[Observation]:
    """The first count; small ones belong to adapters and heads."""
    for pattern in _patterns():
        match = pattern.search(doc.text)
        if match is None:
            continue
        value = float(match.group(1).replace(",", "")) * _UNITS[(match.group(2) or "").lower()]
        if _SMALLEST <= value <= 1e4:
            place = match.start(1)
            yield Observation("params_b", round(value, 6), doc.line_at(place), doc.quote(place), rank=RANK)
            return
