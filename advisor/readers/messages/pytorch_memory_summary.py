r"""PyTorch's memory reports: the table of `torch.cuda.memory_summary()` and prints of its counters.

>>> log = '''|===========================================================================|
... |                  PyTorch CUDA memory summary, device ID 1                 |
... |---------------------------------------------------------------------------|
... |            CUDA OOMs: 1            |        cudaMalloc retries: 2         |
... |===========================================================================|
... |        Metric         | Cur Usage  | Peak Usage | Tot Alloc  | Tot Freed  |
... |---------------------------------------------------------------------------|
... | Allocated memory      |  10240 MiB |  20480 MiB |    512 GiB |    502 GiB |
... | GPU reserved memory   |  22528 MiB |  22528 MiB |  22528 MiB |      0 B   |'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('runtime', 'pytorch'), ('gpu_index', 1), ('failure_kind', 'vram_oom'), ('torch_allocated_gib', 10.0), ('torch_reserved_gib', 22.0)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import re2

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.units import parse_size

TRIGGERS = ("memory summary", "cuda ooms", "reserved memory")


@cache
def _patterns() -> dict[str, Any]:
    return {
        "title": re2.compile(r"PyTorch CUDA memory summary, device ID ([0-9]{1,3})"),
        "ooms": re2.compile(r"CUDA OOMs:\s*([0-9]+)"),
        "torch_allocated_gib": re2.compile(r"Allocated memory\s*\|\s*([0-9.]+\s*[KMGT]?i?B)"),
        "torch_reserved_gib": re2.compile(r"GPU reserved memory\s*\|\s*([0-9.]+\s*[KMGT]?i?B)"),
    }


def read(doc: Document) -> Iterator[Observation]:
    """The current use of the table's device; `CUDA OOMs: 0` is a sign of health."""
    patterns = _patterns()
    title = patterns["title"].search(doc.text)
    ooms = patterns["ooms"].search(doc.text)

    def seen(fact: str, value: str | int | float, offset: int, confidence: float = 1.0) -> Observation:
        return Observation(fact, value, doc.line_at(offset), doc.quote(offset), rank=90, confidence=confidence)

    if title is None and ooms is None:
        return
    if title is not None:
        yield seen("runtime", "pytorch", title.start())
        yield seen("gpu_index", int(title.group(1)), title.start(1))
    if ooms is not None:
        happened = int(ooms.group(1)[:9]) > 0
        yield seen("failure_kind", "vram_oom" if happened else "none", ooms.start(), 0.9 if happened else 0.3)
    for fact in ("torch_allocated_gib", "torch_reserved_gib"):
        match = patterns[fact].search(doc.text)
        size = parse_size(match.group(1)) if match is not None else None
        if match is not None and size is not None:
            yield seen(fact, size, match.start(1))
