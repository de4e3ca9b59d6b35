r"""What trainers print before the first step: the "Running training" block, Unsloth's banner, and PEFT's count of trainable parameters.

>>> text = '''***** Running training *****
...   Num examples = 12,000
...   Instantaneous batch size per device = 4
...   Total train batch size (w. parallel, distributed & accumulation) = 64
...   Gradient Accumulation steps = 8
...   Number of trainable parameters = 20,185,088
... trainable params: 20,185,088 || all params: 7,635,801,600 || trainable%: 0.2643'''
>>> for item in read(Document.of(text)):
...     print(item.fact, item.value)
task train
batch_size 4
grad_accum 8
trainable_params 20185088
gpu_count 2
trainable_params 20185088
method lora
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

TRIGGERS = ("running training", "trainable param", "batch size per device", "gradient accumulation steps =", "num gpus")

RANK, DERIVED_RANK, HINT_RANK = 80, 66, 22


@cache
def _patterns() -> dict[str, Any]:
    number = r"([0-9][0-9,]*)"
    return {
        "banner": re2.compile(r"(?im)(?:^|\W)(?:Running training\W*$|Unsloth - 2x faster)"),
        "batch_size": re2.compile(rf"(?i)batch size per (?:device|gpu)\s*=\s*{number}"),
        "grad_accum": re2.compile(rf"(?i)Gradient Accumulation steps\s*=\s*{number}"),
        "trainable_params": re2.compile(rf"(?i)(?:Number of )?trainable parameters\s*=\s*{number}"),
        "total": re2.compile(rf"(?i)Total train batch size[^\n=]*=\s*{number}"),
        "devices": re2.compile(rf"(?i)\b(?:Num GPUs(?: used)?|Data Parallel GPUs)\s*=\s*{number}"),
        "of": re2.compile(rf"(?i)trainable parameters\s*=\s*{number} of {number}"),
        "peft": re2.compile(rf"(?i)trainable params:\s*{number}\s*\|\|\s*all params:\s*{number}"),
    }


def read(doc: Document) -> Iterator[Observation]:
    """The counts as printed; devices from the total batch; all parameters less the trained ones when few are trained."""
    patterns = _patterns()

    def seen(fact: str, value: FactValue, offset: int, rank: int = RANK, derived: bool = False) -> Observation:
        line, quote = doc.line_at(offset), doc.quote(offset)
        return Observation(fact, value, line, quote, rank=rank, origin="derived" if derived else "stated")

    banner = patterns["banner"].search(doc.text)
    if banner is not None:
        yield seen("task", "train", banner.start())
    counts: dict[str, int] = {}
    for fact in ("batch_size", "grad_accum", "trainable_params"):
        match = patterns[fact].search(doc.text)
        if match is not None and (value := _count(match.group(1))) > 0:
            counts[fact] = value
            yield seen(fact, value, match.start())
    match = patterns["devices"].search(doc.text)
    if match is not None and 0 < _count(match.group(1)) <= 1024:
        yield seen("gpu_count", _count(match.group(1)), match.start())
    match = patterns["total"].search(doc.text)
    step = counts.get("batch_size", 0) * counts.get("grad_accum", 0)
    if (
        match is not None
        and step
        and _count(match.group(1)) % step == 0
        and (count := _count(match.group(1)) // step) > 0
    ):
        yield seen("gpu_count", count, match.start(), DERIVED_RANK, derived=True)
    match = patterns["of"].search(doc.text)
    if match is not None and (everything := _count(match.group(2))) > 10**7:
        # A count of what is there, so exact; quantised weights are counted unpacked by Unsloth.
        yield seen("params_b", round(everything / 1e9, 9), match.start(), HINT_RANK + 5, derived=True)
    match = patterns["peft"].search(doc.text)
    if match is not None:
        trained, everything = _count(match.group(1)), _count(match.group(2))
        yield seen("trainable_params", trained, match.start())
        if trained < 0.3 * everything:
            yield seen("method", "lora", match.start(), HINT_RANK, derived=True)
            # Quantised weights are counted packed, so this corrects nothing that a name says better.
            yield seen("params_b", round((everything - trained) / 1e9, 4), match.start(), HINT_RANK, derived=True)
        yield seen("task", "train", match.start())


def _count(text: str) -> int:
    digits = text.replace(",", "")
    return int(digits) if len(digits) <= 18 else 0
