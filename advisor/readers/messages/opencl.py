r"""OpenCL programs (LightGBM, Boost.Compute): allocation errors of the driver.

>>> log = '''RuntimeError: Memory Object Allocation Failure'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'vram_oom'), ('runtime', 'opencl')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = ("memory object allocation", "out of host memory", "cl_mem_object", "opencl", "cl_out_of")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"Memory Object Allocation Failure|CL_MEM_OBJECT_ALLOCATION_FAILURE", "vram_oom", 0.92, "opencl"),
        Form(r"LightGBMError: Out of Host Memory|CL_OUT_OF_HOST_MEMORY|CL_OUT_OF_RESOURCES", "vram_oom", 0.7, "opencl"),
        Form(r"LightGBM", hints=(("task", "train"),)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure with its numbers."""
    yield from seen(doc, _forms())
