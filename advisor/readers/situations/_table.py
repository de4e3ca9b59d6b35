"""A reader that is a table: each signal once, at the first place where its pattern occurs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import re2

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.literals import Rare

RANK = 55  # evidence of code and program output
# What a message advises is no evidence of what was done: "try setting PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True".
_ADVICE = re2.compile(r"(?:try setting|see documentation|please check|you can (?:try|set)|consider)[^\n]{0,60}$")


def compiled(table: Mapping[str, str]) -> tuple[tuple[str, Rare], ...]:
    """The patterns of a table, to be matched on text in lower case."""
    return tuple((signal, Rare(pattern)) for signal, pattern in table.items())


def signals_of(doc: Document, patterns: tuple[tuple[str, Rare], ...]) -> Iterator[Observation]:
    """A `signal` for each pattern that occurs."""
    for signal, pattern in patterns:
        for match in pattern.finditer(doc.lower, doc.lower):
            offset = match.start()
            if _ADVICE.search(doc.lower[max(0, offset - 80) : offset]) is None:
                yield Observation("signal", signal, doc.line_at(offset), doc.quote(offset), rank=RANK)
                break
