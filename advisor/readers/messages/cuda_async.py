r"""PyTorch on cudaMallocAsync (ComfyUI): "Allocation on device" with its block of numbers, or without any.

>>> log = '''torch.cuda.OutOfMemoryError: Allocation on device 0 would exceed allowed memory. (out of memory)
... Currently allocated     : 21.93 GiB
... Requested               : 512.00 MiB
... Device limit            : 23.99 GiB
... Free (according to CUDA): 18.31 MiB
... PyTorch limit (set by user-supplied memory fraction)
...                         : 17179869184.00 GiB'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'vram_oom'), ('runtime', 'pytorch'), ('gpu_index', 0), ('torch_allocated_gib', 21.93), ('tried_to_allocate_gib', 0.5), ('gpu_capacity_gib', 23.99), ('gpu_free_gib', 0.017880859375)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import SIZE, Compiled, Form, compiled, seen

TRIGGERS = ("allocation on device", "would exceed allowed", "free (according to cuda)")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"Allocation on device(?: ([0-9]{1,3}))? would exceed allowed memory", "vram_oom", 0.97, "pytorch", ("gpu_index",)),
        Form(r"(?m)Allocation on device\s*(?:$|\*|#|-|\d{4}-|This error|\[This)|This error means you ran out of memory on your GPU", "vram_oom", 0.95, "pytorch"),
        Form(rf"Currently allocated\s*: ?{SIZE}", facts=("torch_allocated_gib",)),
        Form(rf"\bRequested\s*: ?{SIZE}", facts=("tried_to_allocate_gib",)),
        Form(rf"Device limit\s*: ?{SIZE}", facts=("gpu_capacity_gib",)),
        Form(rf"Free \(according to CUDA\)\s*: ?{SIZE}", facts=("gpu_free_gib",)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure and its numbers; the limit of 2**64 bytes stands for none."""
    yield from seen(doc, _forms())
