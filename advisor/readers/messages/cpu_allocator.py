r"""PyTorch's CPU allocator: RAM, not device memory, in the wordings of Linux and Windows.

>>> log = '''RuntimeError: [enforce fail at alloc_cpu.cpp:83] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 68719476736
... bytes. Error code 12 (Cannot allocate memory)'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'host_oom'), ('runtime', 'pytorch'), ('tried_to_allocate_gib', 64.0)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import BYTES, Compiled, Form, compiled, seen

TRIGGERS = ("cpuallocator", "alloc_cpu", "cannot allocate memory", "can't allocate memory", "std::bad_alloc")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        # https://github.com/pytorch/pytorch/blob/main/c10/core/impl/alloc_cpu.cpp
        Form(rf"DefaultCPUAllocator: (?:can't allocate memory|not enough memory): you tried to allocate {BYTES} bytes", "host_oom", 0.98, "pytorch", ("tried_to_allocate_gib",)),
        Form(r"\$ Torch: not enough memory: you tried to allocate ([0-9]+)GB", "host_oom", 0.97, "torch7"),
        Form(r"DefaultCPUAllocator|enforce fail at [^\n]{0,200}(?:CPUAllocator|alloc_cpu)\.cpp", "host_oom", 0.95, "pytorch"),
        Form(r"\[Errno 12\] Cannot allocate memory|OSError: Cannot allocate memory", "host_oom", 0.85, "linux"),
        Form(r"(?m)std::bad_alloc['\"]?\s*$", "host_oom", 0.6, "linux"),
        Form(r"(?m)^(?:\w+: )?MemoryError\s*$", "host_oom", 0.7),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure with its size, which is host memory."""
    yield from seen(doc, _forms())
