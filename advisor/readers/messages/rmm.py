r"""RAPIDS: the memory manager RMM, whose MemoryError is the GPU's, also under Spark.

>>> log = '''MemoryError: std::bad_alloc: out_of_memory: CUDA error at: /opt/conda/include/rmm/mr/device/cuda_memory_resource.hpp:70: cudaErrorMemoryAllocation
... out of memory'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'vram_oom'), ('runtime', 'rapids')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = ("rmm", "maximum pool size", "ai.rapids")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"std::bad_alloc: (?:out_of_memory: )?CUDA error (?:\(ptr [^)\n]*\) )?at:? ?\S*rmm|RMM failure at|rmm::(?:bad_alloc|out_of_memory|cuda_error)|Maximum pool size exceeded", "vram_oom", 0.97, "rapids"),
        Form(r"Could not allocate native memory: std::bad_alloc|RMM allocat\w+ failed|GpuRetryOOM|GpuSplitAndRetryOOM|RmmSpark", "vram_oom", 0.97, "rapids"),
        Form(r"rmm/mr/device|rmm\._lib|ai\.rapids\.", runtime="rapids"),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure with its numbers."""
    yield from seen(doc, _forms())
