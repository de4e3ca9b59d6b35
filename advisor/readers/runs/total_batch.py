r"""The batch of one optimizer step over all devices: DeepSpeed's `train_batch_size`, `global_batch_size`, "total batch size of 64".

What one device holds follows from it where the devices and the accumulation are known (`resolve`).

>>> text = '''{"train_batch_size": 64, "gradient_accumulation_steps": 2, "zero_optimization": {"stage": 2}}'''
>>> [(item.fact, item.value) for item in read(Document.of(text))]
[('total_batch', 64)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import re2

from advisor.facts import Observation
from advisor.readers.document import Document

TRIGGERS = ("train_batch_size", "global", "total", "effective")

RANK = 40
_MAX = 50
# Programs whose `train_batch_size` is that of one device.
_PER_DEVICE = ("kohya", "sd-scripts", "diffusers", "train_network", "text_to_image", "dreambooth", "networks.lora")
_SPLIT = ("tensor_parallel", "tensor-parallel", "tensor parallel", "pipeline_parallel", "pipeline parallel", "sequence parallel",
          "context parallel")  # fmt: skip


@cache
def _patterns() -> dict[str, Any]:
    number = r"[\"'`]?\s*(?:[:=]|is|of|was|to|为|是|设为)?\s*[\"'`]?([0-9]{1,6})(?:[^\w.]|$)"
    return {
        "deepspeed": re2.compile(rf"(?:^|[^\w.])(train_batch_size){number}"),
        "named": re2.compile(rf"(?i)\b(?:global|total|effective)[ _-](?:train(?:ing)?[ _-])?batch[ _-]?size(){number}"),
    }


def of_all_devices(lower: str) -> bool:
    """Whether `train_batch_size` counts the samples of all devices in a text, given in lower case."""
    return ("deepspeed" in lower or "zero_optimization" in lower) and not any(word in lower for word in _PER_DEVICE)


def read(doc: Document) -> Iterator[Observation]:
    """The last total that is stated; none where a model is split over the devices, so that they share samples."""
    if any(word in doc.lower for word in _SPLIT):
        return
    names = ("named", "deepspeed") if of_all_devices(doc.lower) else ("named",)
    last = None
    for name in names:
        for match, _ in zip(_patterns()[name].finditer(doc.text), range(_MAX), strict=False):
            if not doc.raw_at(match.start(2)).lstrip(" \t>").startswith(("#", "//")):
                last = match
    if last is not None and int(last.group(2)) > 0:
        place = last.start(2)
        yield Observation("total_batch", int(last.group(2)), doc.line_at(place), doc.quote(place), rank=RANK)
