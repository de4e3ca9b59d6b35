r"""PyTorch's caching allocator: "... out of memory. Tried to allocate ..." in its wordings since 1.0, for CUDA, HIP, XPU and NPU devices.

>>> from advisor.readers.document import Document
>>> log = '''torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.16 GiB. GPU 0 has a total capacity of 23.64 GiB of
... which 1.02 GiB is free. Including non-PyTorch memory, this process has 22.61 GiB memory in use. Of the allocated memory 21.50 GiB
... is allocated by PyTorch, and 612.35 MiB is reserved by PyTorch but unallocated.'''
>>> for item in read(Document.of(log)):
...     print(item.fact, round(item.value, 3) if isinstance(item.value, float) else item.value)
failure_kind vram_oom
runtime pytorch
tried_to_allocate_gib 1.16
gpu_index 0
gpu_capacity_gib 23.64
gpu_free_gib 1.02
process_in_use_gib 22.61
torch_allocated_gib 21.5
torch_reserved_unallocated_gib 0.598
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import re2

from advisor.facts import FactValue, Observation
from advisor.readers.document import Document
from advisor.units import parse_size

TRIGGERS = ("out of memory", "tried to allocate")

_RUNTIMES = {"cuda": "pytorch", "hip": "rocm", "xpu": "xpu", "npu": "ascend", "musa": "pytorch", "opencl": "opencl"}
_SIZE = r"([0-9][0-9.,]*\s?(?:bytes|[KMGTP]i?B))"
_SPAN = 1600  # characters after the head in which the numbers stand


@cache
def _patterns() -> dict[str, Any]:
    s = _SIZE
    sources = {
        "head": r"(?i)\b(?:(CUDA|HIP|XPU|NPU|MUSA|OpenCL)\s+)?out\s+of\s+memory\W{1,4}Tried\s+to\s+allocate\s+|\.\s*Tried\s+to\s+allocate\s+[0-9]",
        "bare": r"(?i)\b(CUDA|HIP|XPU|NPU)\s+out\s+of\s+memory\b",
        "request": rf"(?i)Tried\s+to\s+allocate\s+{s}",
        "old": rf"\((?:GPU|NPU|Device|XPU)\s+([0-9]{{1,3}});\s*{s}\s+total\s+capacity;\s*{s}\s+already\s+allocated;",
        "index": r"(?:GPU|NPU|XPU)\s+([0-9]{1,3})\s+has\s+a\s+total\s+capac(?:i|)ty\s+of",
        "capacity": rf"total\s+capac(?:i|)ty\s+of\s+{s}",
        "new_free": rf"of\s+which\s+{s}\s+is\s+free",
        "old_free": rf"{s}\s+free;",
        "old_reserved": rf"{s}\s+reserved\s+in\s+total",
        "old_cached": rf"{s}\s+cached",
        "mine": rf"this\s+process\s+has\s+{s}\s+memory\s+in\s+use",
        "others": rf"Process\s+[0-9]+\s+has\s+{s}\s+memory\s+in\s+use",
        "allocated": rf"Of\s+the\s+allocated\s+memory\s+{s}\s+is\s+allocated\s+by\s+PyTorch",
        "pools": rf"with\s+{s}\s+allocated\s+in\s+private\s+pools",
        "unallocated": rf"{s}\s+is\s+reserved\s+by\s+PyTorch\s+but\s+unallocated",
    }
    return {name: re2.compile(source) for name, source in sources.items()}


def read(doc: Document) -> Iterator[Observation]:
    """One group of observations for each message; a message without numbers yields only the kind and the runtime."""
    patterns = _patterns()
    text = doc.text
    heads = [(match.start(), match.group(1) or "") for match in patterns["head"].finditer(text)]
    if not heads:
        for match in patterns["bare"].finditer(text):
            yield from _kind(doc, match.start(), match.group(1))
        return
    for number, (start, device) in enumerate(heads):
        end = min(start + _SPAN, heads[number + 1][0] if number + 1 < len(heads) else len(text))
        yield from _kind(doc, start, device or "CUDA")
        yield from _numbers(doc, text[start:end], start)


def _kind(doc: Document, offset: int, device: str) -> Iterator[Observation]:
    line, quote = doc.line_at(offset), doc.quote(offset)
    yield Observation("failure_kind", "vram_oom", line, quote, rank=90, confidence=0.97)
    yield Observation("runtime", _RUNTIMES.get(device.lower(), "pytorch"), line, quote, rank=90)


def _numbers(doc: Document, message: str, start: int) -> Iterator[Observation]:
    patterns = _patterns()

    def seen(fact: str, value: FactValue | None, offset: int) -> Iterator[Observation]:
        if value is not None:
            yield Observation(fact, value, doc.line_at(start + offset), doc.quote(start + offset), rank=90)

    def size(fact: str, name: str) -> Iterator[Observation]:
        match = patterns[name].search(message)
        if match is not None:
            yield from seen(fact, parse_size(match.group(1)), match.start(1))

    yield from size("tried_to_allocate_gib", "request")
    old = patterns["old"].search(message)
    if old is not None:
        capacity, allocated = parse_size(old.group(2)), parse_size(old.group(3))
        yield from seen("gpu_index", int(old.group(1)), old.start(1))
        yield from seen("gpu_capacity_gib", capacity, old.start(2))
        yield from seen("torch_allocated_gib", allocated, old.start(3))
        free = patterns["old_free"].search(message, old.end())
        if free is not None:
            yield from seen("gpu_free_gib", _within(parse_size(free.group(1)), capacity), free.start(1))
        yield from size("torch_reserved_gib", "old_reserved")
        yield from size(
            "torch_reserved_unallocated_gib", "old_cached"
        )  # 1.0 to 1.3: cached is what is reserved beyond the tensors
        return
    index = patterns["index"].search(message)
    if index is not None:
        yield from seen("gpu_index", int(index.group(1)), index.start(1))
    yield from size("gpu_capacity_gib", "capacity")
    match = patterns["capacity"].search(message)
    free = patterns["new_free"].search(message)
    if free is not None:
        yield from seen(
            "gpu_free_gib",
            _within(parse_size(free.group(1)), parse_size(match.group(1)) if match else None),
            free.start(1),
        )
    others = [parse_size(found.group(1)) or 0.0 for found in patterns["others"].finditer(message)]
    mine = patterns["mine"].search(message)
    if mine is not None:
        yield from size("process_in_use_gib", "mine")
        if sum(others) > 0.5:
            where = patterns["others"].search(message)
            yield from seen("other_processes_gib", sum(others), where.start())
            yield from seen("signal", "other_process_on_gpu", where.start())
    elif len(others) == 1:
        yield from size("process_in_use_gib", "others")
    yield from size("torch_allocated_gib", "allocated")
    yield from size("private_pools_gib", "pools")
    yield from size("torch_reserved_unallocated_gib", "unallocated")


def _within(free: float | None, capacity: float | None) -> float | None:
    """Free memory, unless the counter wrapped around and it is more than the card has."""
    return None if free is None or (capacity is not None and free > capacity * 1.01) else free
