r"""The devices on which llama.cpp lays its buffers: how many there are, by the highest number among them.

>>> log = '''load_tensors:        CUDA0 model buffer size = 21504.00 MiB
... load_tensors:        CUDA1 model buffer size = 20992.00 MiB'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('gpu_count', 2)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import re2

from advisor.facts import Observation
from advisor.readers.document import Document

TRIGGERS = ("buffer size =",)

RANK = 50
_MAX = 200


@cache
def _buffer() -> Any:
    # https://github.com/ggml-org/llama.cpp/blob/master/src/llama-model.cpp: "%s: %12s model buffer size = %8.2f MiB"
    return re2.compile(r"\b(?:CUDA|ROCm|SYCL|Vulkan)([0-9]{1,2}) (?:model|KV|compute) buffer size")


def read(doc: Document) -> Iterator[Observation]:
    """The count where more than one device holds a buffer."""
    found = [match for match, _ in zip(_buffer().finditer(doc.text), range(_MAX), strict=False)]
    numbers = {int(match.group(1)) for match in found}
    if len(numbers) > 1:
        place = found[0].start()
        yield Observation("gpu_count", max(numbers) + 1, doc.line_at(place), doc.quote(place), rank=RANK)
