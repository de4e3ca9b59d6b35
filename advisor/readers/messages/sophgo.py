r"""Sophgo TPUs: bmlib's allocator, whose sizes are hexadecimal.

>>> log = '''[bmlib_memory][error] bm_alloc_gmem failed, dev_id = 1, size = 0x2000000'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'vram_oom'), ('runtime', 'sophgo'), ('task', 'inference'), ('gpu_index', 1), ('tried_to_allocate_gib', 0.03125)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = ("bm_alloc_gmem", "bmlib")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"bm_alloc_gmem failed, dev_id = ([0-9]{1,3})(?:, size = (0x[0-9a-fA-F]+))?", "vram_oom", 0.97, "sophgo", ("gpu_index", "tried_to_allocate_gib"), hints=(("task", "inference"),)),
        Form(r"\[bmlib_memory\]\[error\]|Alloc Device Memory Failed", "vram_oom", 0.9, "sophgo", hints=(("task", "inference"),)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure with its numbers."""
    yield from seen(doc, _forms())
