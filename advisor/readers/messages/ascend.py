r"""Huawei Ascend: CANN error codes and calls below torch_npu.

>>> log = '''[ERROR] RuntimeError: Memory_Allocation_Failure(EL0004): Failed to allocate memory. rtMalloc execute failed, size:2147483648'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'vram_oom'), ('runtime', 'ascend'), ('tried_to_allocate_gib', 2.0)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = ("el0004", "rtmalloc", "aclrt", "acl error", "error code is", "devmm", "halmem")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        # https://www.hiascend.com/document: error codes of the runtime.
        Form(r"Memory_Allocation_Failure|\bEL0004\b|rtMalloc[^\n]{0,100}fail|halMemAlloc fail\w*|allocate device memory failed", "vram_oom", 0.94, "ascend"),
        Form(r"(?:rtMalloc|halMemAlloc)[^\n]{0,160}size:? ?([0-9]{4,})(?:, device_id:([0-9]{1,3})\b)?", runtime="ascend", facts=("tried_to_allocate_gib", "gpu_index")),
        Form(r"error code is ?: ?(?:207001|507899)\b|ACL_ERROR_RT_MEMORY_ALLOCATION", "vram_oom", 0.9, "ascend"),
        Form(r"error code is ?: ?(?:200000|207018)\b", "vram_oom", 0.6, "ascend"),
        Form(r"aclrtSetDevice\([^)\n]*\) failed: 507033|error code is ?: ?507033\b", "other_error", 0.6, "ascend", says=(("phase", "init"),)),
        Form(r"error code is ?: ?5[0-9]{5}\b|ACL error", "other_error", 0.5, "ascend"),
        Form(r"aclrtSetDevice|aclInit\(", hints=(("phase", "init"),)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure with its numbers."""
    yield from seen(doc, _forms())
