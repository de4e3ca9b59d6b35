r"""CuPy (and Chainer): its memory pool, with and without thousands commas.

>>> log = '''cupy.cuda.memory.OutOfMemoryError: Out of memory allocating 1,073,741,824 bytes (allocated so far: 7,516,192,768 bytes).'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'vram_oom'), ('runtime', 'cupy'), ('tried_to_allocate_gib', 1.0), ('torch_allocated_gib', 7.0)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import BYTES, Compiled, Form, compiled, seen

TRIGGERS = ("out of memory to allocate", "out of memory allocating", "cupy", "minibatch-size")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        # https://github.com/cupy/cupy/blob/main/cupy/cuda/memory.pyx: in versions 1 to 6 the total includes the request.
        Form(rf"(?i)out of memory to allocate {BYTES} bytes \(total", "vram_oom", 0.97, "cupy", ("tried_to_allocate_gib",)),
        Form(rf"(?i)Out of memory allocating {BYTES} bytes \(allocated so far: {BYTES} bytes", "vram_oom", 0.97, "cupy", ("tried_to_allocate_gib", "torch_allocated_gib")),
        Form(r"cupy\.cuda\.memory\.OutOfMemoryError|cupy_backends\.[\w.]*CUDARuntimeError: cudaErrorMemoryAllocation", "vram_oom", 0.96, "cupy"),
        Form(r"(?:^|\n)GPU: ([0-9]{1,2})\n(?:# )?Minibatch-size", facts=("gpu_index",), hints=(("task", "train"),)),
        Form(r"Exception in main training loop", hints=(("task", "train"),)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure with its numbers."""
    yield from seen(doc, _forms())
