r"""Apple's Metal backend (torch.mps): what MPS and others hold, the limit, and the request. GB is binary here too.

>>> log = '''RuntimeError: MPS backend out of memory (MPS allocated: 17.20 GB, other allocations: 402.00 MB, max allowed: 18.13 GB). Tried to
... allocate 768.00 MB on private pool. Use PYTORCH_MPS_HIGH_WATERMARK_RATIO=0.0 to disable upper limit for memory allocations.'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'vram_oom'), ('runtime', 'mps'), ('task', 'inference'), ('torch_allocated_gib', 17.2), ('gpu_capacity_gib', 18.13), ('tried_to_allocate_gib', 0.75)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import SIZE, Compiled, Form, compiled, seen

TRIGGERS = ("mps backend", "mps allocated", "high_watermark", "device mps", "device=mps", "metal performance")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        # https://github.com/pytorch/pytorch/blob/main/aten/src/ATen/mps/MPSAllocator.mm
        Form(rf"MPS backend out of memory(?: \(MPS allocated: {SIZE},(?: other allocations: {SIZE},)? max allowed: {SIZE}\))?(?:\. Tried to allocate {SIZE})?", "vram_oom", 0.97, "mps", ("torch_allocated_gib", "", "gpu_capacity_gib", "tried_to_allocate_gib"), hints=(("task", "inference"),)),
        Form(rf"MPS allocated: {SIZE}", facts=("torch_allocated_gib",)),
        Form(rf"max allowed: {SIZE}\)", facts=("gpu_capacity_gib",)),
        Form(r"(?i)--device[ =]mps\b|device=[\"']mps[\"']|Metal Performance Shaders", hints=(("runtime", "mps"),)),
        Form(r"Invalid buffer size: [0-9.]+ [GM]i?B", "vram_oom", 0.9, "mps", says=(("signal", "single_buffer_limit"),)),
        Form(r"(?:export |^|\n|\$ ?)PYTORCH_MPS_HIGH_WATERMARK_RATIO ?= ?0", says=(("tried", "mps_watermark"),)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure with its numbers; the limit is reported as the capacity."""
    yield from seen(doc, _forms())
