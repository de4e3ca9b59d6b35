r"""Indices out of range: longer sequences or more classes than a table has rows; and the tokenizer's warning before it.

>>> log = '''IndexError: index out of range in self'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'other_error'), ('runtime', 'pytorch'), ('signal', 'index_out_of_range'), ('phase', 'forward')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = ("out of range", "sequence length is longer", "out of bounds", "out of table")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"index out of range in self|index out of range: Tried to access index [0-9]+", "other_error", 0.95, "pytorch", says=(("signal", "index_out_of_range"),), hints=(("phase", "forward"),)),
        Form(r"IndexError: (?:list|tuple|string|index|Target|Dimension)[^\n]{0,60}(?:out of range|out of bounds)", "other_error", 0.9, says=(("signal", "index_out_of_range"),)),
        Form(r"Token indices sequence length is longer than the specified maximum", "none", 0.35, "pytorch", says=(("signal", "length_warning"),)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure by its right name; the warning alone is none."""
    yield from seen(doc, _forms())
