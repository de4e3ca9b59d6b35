r"""Numbers that overflow: loss scaling and NaN, which are no matter of memory.

>>> log = '''Gradient overflow.  Skipping step, loss scaler 0 reducing loss scale to 32768.0'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'none'), ('runtime', 'pytorch'), ('task', 'train')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = ("overflow", "nan")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"NansException", "other_error", 0.93, "pytorch", hints=(("task", "inference"),)),
        Form(r"(?i)Gradient overflow\. +Skipping step|OVERFLOW! Rank [0-9]+ Skipping step|reducing loss scale to|NaN or Inf found in input tensor", "none", 0.3, "pytorch", hints=(("task", "train"),)),
        Form(r"Function '\w+' returned nan values in its [0-9]+", "other_error", 0.93, "pytorch"),
        Form(r"Current loss scale already at minimum|Loss is NaN|loss is nan, stopping", "other_error", 0.6, hints=(("task", "train"),)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure, or none where training went on."""
    yield from seen(doc, _forms())
