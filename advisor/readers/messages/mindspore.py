r"""MindSpore: its memory pools on Ascend and GPU, whose messages never say "out of memory".

>>> log = '''[ERROR] PRE_ACT(4121,ffff9c1f,python):2024-06-01-10:20:30.111.222 [mindspore/ccsrc/backend/common/mem_reuse/mem_dynamic_allocator.cc:392]
... AddMemBlockAndMemBufByEagerFree] TotalUsedMemStatistics : 30064771072 plus alloc size : 1073741824 is more than total mem size : 30601641984.'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('torch_allocated_gib', 28.0), ('failure_kind', 'vram_oom'), ('runtime', 'mindspore'), ('tried_to_allocate_gib', 1.0), ('gpu_capacity_gib', 28.5)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import BYTES, Compiled, Form, compiled, seen

TRIGGERS = ("mindspore", "addmemblock", "cudahostalloc", "totalusedmem")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(rf"TotalUsedMemStatistics ?: ?{BYTES}", facts=("torch_allocated_gib",)),
        Form(rf"alloc size ?: ?{BYTES},? is more than total mem size ?: ?{BYTES}", "vram_oom", 0.96, "mindspore", ("tried_to_allocate_gib", "gpu_capacity_gib")),
        Form(r"AddMemBlockAndMemBuf|mindspore/ccsrc[^\n]{0,240}(?:[Mm]alloc|[Mm]emory)[^\n]{0,80}(?:fail|more than|not enough)", "vram_oom", 0.93, "mindspore"),
        Form(r"Memory not enough: current free memory size\[([0-9]+)\] is smaller than required size\[([0-9]+)\]", "vram_oom", 0.96, "mindspore", ("gpu_free_gib", "tried_to_allocate_gib")),
        Form(r"cudaHostAlloc failed", "host_oom", 0.95, "mindspore", says=(("signal", "pinned_memory"),)),
        Form(r"mindspore/ccsrc|(?:site|dist)-packages/mindspore/", runtime="mindspore"),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure with its numbers."""
    yield from seen(doc, _forms())
