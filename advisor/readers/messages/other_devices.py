r"""Devices that are not CUDA: Apple MPS, Intel XPU and SYCL, Ascend, Vulkan, TPU, Sophgo.

>>> text = ("RuntimeError: MPS backend out of memory (MPS allocated: 17.20 GB, other allocations: 402.00 MB, max allowed: 18.13 GB). "
...         "Tried to allocate 768.00 MB on private pool.")
>>> [(o.fact, o.value) for o in read(Document.of(text)) if o.fact != "failure_kind"]
[('runtime', 'mps'), ('torch_allocated_gib', 17.2), ('gpu_capacity_gib', 18.13), ('tried_to_allocate_gib', 0.75)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import SIZE, Compiled, Form, compiled, seen

TRIGGERS = (
    "mps backend", "ur_result", "native api", "level_zero", "el0004", "rtmalloc", "acl error", "aclrt", "error code is", "vulkan", "vk_error",
    "erroroutofdevicememory", "memory space", "bm_alloc_gmem", "devmm",
)  # fmt: skip


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(rf"MPS backend out of memory(?: \(MPS allocated: {SIZE}, other allocations: {SIZE}, max allowed: {SIZE}\))?(?:\. Tried to allocate {SIZE})?", "vram_oom", 0.97, "mps", ("torch_allocated_gib", "", "gpu_capacity_gib", "tried_to_allocate_gib")),
        Form(r"UR_RESULT_ERROR_OUT_OF_(?:DEVICE_MEMORY|RESOURCES)|PI_ERROR_OUT_OF_(?:DEVICE_MEMORY|RESOURCES)|OUT_OF_DEVICE_MEMORY", "vram_oom", 0.85, "xpu"),
        Form(r"(?:UR backend failed|level_zero backend failed|Native API (?:failed|returns))", "vram_oom", 0.6, "xpu"),
        Form(r"Memory_Allocation_Failure|EL0004|rtMalloc[^\n]{0,80}failed", "vram_oom", 0.92, "ascend"),
        Form(r"rtMalloc[^\n]{0,120}size:? ?([0-9]+)", "", runtime="ascend", facts=("tried_to_allocate_gib",)),
        Form(r"aclrtSetDevice\([^)\n]*\) failed: 507033", "other_error", 0.85, "ascend"),
        Form(r"ggml_vulkan: Device memory allocation of size ([0-9]+) failed", "vram_oom", 0.95, "vulkan", ("tried_to_allocate_gib",)),
        Form(r"ErrorOutOfDeviceMemory|VK_ERROR_OUT_OF_DEVICE_MEMORY", "vram_oom", 0.93, "vulkan"),
        Form(r"Ran out of memory in memory space (?:vmem|smem)", "kernel_resources", 0.95, "jax"),
        Form(rf"Ran out of memory in memory space hbm\. Used {SIZE} of {SIZE} hbm", "vram_oom", 0.97, "jax", ("process_in_use_gib", "gpu_capacity_gib")),
        Form(r"bm_alloc_gmem failed, dev_id = ([0-9]+)", "vram_oom", 0.95, "", ("gpu_index",)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure with its numbers."""
    yield from seen(doc, _forms())
