r"""What trainers print before the first step: the "Running training" block, and PEFT's count of trainable parameters.

>>> text = '''***** Running training *****
...   Num examples = 12,000
...   Instantaneous batch size per device = 4
...   Gradient Accumulation steps = 8
...   Number of trainable parameters = 20,185,088
... trainable params: 20,185,088 || all params: 7,635,801,600 || trainable%: 0.2643'''
>>> for item in read(Document.of(text)):
...     print(item.fact, item.value)
task train
batch_size 4
grad_accum 8
trainable_params 20185088
trainable_params 20185088
params_b 7.6156
task train
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import re2

from advisor.facts import FactValue, Observation
from advisor.readers.document import Document

TRIGGERS = ("running training", "trainable params", "batch size per device", "gradient accumulation steps =")

RANK = 80


@cache
def _patterns() -> dict[str, Any]:
    number = r"([0-9][0-9,]*)"
    return {
        "banner": re2.compile(r"(?m)^\W*Running training\W*$"),
        "batch_size": re2.compile(rf"(?i)batch size per (?:device|gpu)\s*=\s*{number}"),
        "grad_accum": re2.compile(rf"(?i)Gradient Accumulation steps\s*=\s*{number}"),
        "trainable_params": re2.compile(rf"(?i)Number of trainable parameters\s*=\s*{number}"),
        "peft": re2.compile(rf"(?i)trainable params:\s*{number}\s*\|\|\s*all params:\s*{number}"),
    }


def read(doc: Document) -> Iterator[Observation]:
    """The counts as printed; all parameters less the trained ones are the model when few are trained."""
    patterns = _patterns()

    def seen(fact: str, value: FactValue, offset: int, origin: str = "stated") -> Observation:
        line, quote = doc.line_at(offset), doc.quote(offset)
        return Observation(fact, value, line, quote, rank=RANK, origin="derived" if origin == "derived" else "stated")

    banner = patterns["banner"].search(doc.text)
    if banner is not None:
        yield seen("task", "train", banner.start())
    for fact in ("batch_size", "grad_accum", "trainable_params"):
        match = patterns[fact].search(doc.text)
        if match is not None and (value := int(match.group(1).replace(",", ""))) > 0:
            yield seen(fact, value, match.start())
    match = patterns["peft"].search(doc.text)
    if match is not None:
        trained, everything = (int(match.group(index).replace(",", "")) for index in (1, 2))
        yield seen("trainable_params", trained, match.start())
        if trained < 0.3 * everything:
            # Quantised weights are counted packed, so this only corrects nothing that a name says better.
            yield Observation(
                "params_b",
                round((everything - trained) / 1e9, 4),
                doc.line_at(match.start()),
                doc.quote(match.start()),
                rank=22,
                origin="derived",
            )
        yield seen("task", "train", match.start())
