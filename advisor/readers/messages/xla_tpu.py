r"""XLA on TPUs: a program that does not fit HBM, or a kernel that does not fit the on-chip memory.

>>> log = '''RESOURCE_EXHAUSTED: XLA:TPU compile permanent error. Ran out of memory in memory space hbm. Used 40.25G of 15.48G hbm. Exceeded hbm
... capacity by 24.77G.'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'vram_oom'), ('phase', 'init'), ('tried_to_allocate_gib', 40.25), ('gpu_capacity_gib', 15.48), ('runtime', 'xla_tpu')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import SIZE, Compiled, Form, compiled, seen

TRIGGERS = ("in memory space", "xla:tpu", "that was not possible")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"Ran out of memory in memory space hbm", "vram_oom", 0.97, hints=(("phase", "init"),)),
        # PyTorch/XLA and TensorFlow on TPUs, while a program runs.
        Form(rf"Attempting to (?:reserve|allocate) {SIZE}(?: at the bottom of memory)?\. That was not possible\. There (?:are|is) {SIZE} free", "vram_oom", 0.96, facts=("tried_to_allocate_gib", "gpu_free_gib"), hints=(("task", "train"),)),
        Form(r"That was not possible\. There (?:are|is) [^\n]{0,80}free", hints=(("runtime", "xla_tpu"),)),
        Form(rf"Used {SIZE} of {SIZE} hbm", facts=("tried_to_allocate_gib", "gpu_capacity_gib")),
        Form(r"Ran out of memory in memory space (?:vmem|smem|cmem|sflag)", "kernel_resources", 0.96),
        Form(r"XlaRuntimeError[^\n]{0,200}XLA:TPU|jaxlib[^\n]{0,200}XLA:TPU", runtime="jax", hints=(("task", "train"),)),
        Form(r"XLA:TPU", hints=(("runtime", "xla_tpu"),)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure with its numbers."""
    yield from seen(doc, _forms())
