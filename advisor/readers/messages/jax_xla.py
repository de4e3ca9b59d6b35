r"""JAX and XLA on GPUs: RESOURCE_EXHAUSTED with the bytes that were asked for, and the buffers that XLA had planned.

>>> log = '''jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8589934592 bytes.'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'vram_oom'), ('runtime', 'jax'), ('tried_to_allocate_gib', 8.0)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import BYTES, SIZE, Compiled, Form, compiled, seen

TRIGGERS = (
    "cumemallocasync",
    "resource_exhausted",
    "resource exhausted",
    "bufferassignment",
    "jaxlib",
    "xla_python_client",
)


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        # https://docs.jax.dev/en/latest/gpu_memory_allocation.html
        Form(rf"(?i)(?:RESOURCE_EXHAUSTED|Resource exhausted): Out of memory (?:while trying to allocate|allocating) {BYTES} bytes", "vram_oom", 0.97, "jax", ("tried_to_allocate_gib",)),
        Form(rf"(?i)(?:RESOURCE_EXHAUSTED|Resource exhausted): Out of memory (?:while trying to allocate|allocating) {SIZE}", "vram_oom", 0.97, "jax", ("tried_to_allocate_gib",)),
        Form(rf"(?i)Failed to allocate request for {SIZE}(?: \([0-9]+B\))?(?: on device ordinal ([0-9]{{1,4}}))?", "vram_oom", 0.97, "jax", ("tried_to_allocate_gib", "gpu_index")),
        Form(r"(?:Xla|Jax)RuntimeError: RESOURCE_EXHAUSTED", "vram_oom", 0.9, "jax"),
        # XLA's asynchronous allocator; TensorFlow prints the path of its own copy.
        Form(rf"cuMemAllocAsync failed to allocate {BYTES} bytes: RESOURCE_EXHAUSTED|cuMemAllocAsync failed to allocate {BYTES} bytes: ?CUDA error: out of memory", "vram_oom", 0.95, facts=("tried_to_allocate_gib", "tried_to_allocate_gib")),
        Form(r"(?m)^[EWI][0-9]{4} [^\n]{0,48}gpu_cudamallocasync_allocator\.cc", runtime="jax"),
        Form(r"Free memory/Total memory: ([0-9]{6,20})/([0-9]{6,20})", facts=("gpu_free_gib", "gpu_capacity_gib")),
        Form(r"BufferAssignment OOM Debugging", "vram_oom", 0.9, "jax"),
        Form(r"jaxlib/|jaxlib\.xla_extension|site-packages/jax/|XLA_PYTHON_CLIENT_(?:PREALLOCATE|MEM_FRACTION|ALLOCATOR)", runtime="jax"),
        Form(r"XLA_PYTHON_CLIENT_PREALLOCATE\W{1,6}(?:false|False|0)", says=(("tried", "xla_preallocate_off"),)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure with the size of the request; what was set for the preallocation."""
    yield from seen(doc, _forms())
