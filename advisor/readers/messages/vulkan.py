r"""Vulkan: the device, or one buffer of it, is too small.

>>> log = '''ggml_vulkan: Device memory allocation of size 4294967296 failed.
... ggml_vulkan: vk::Device::allocateMemory: ErrorOutOfDeviceMemory'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'vram_oom'), ('runtime', 'llama.cpp'), ('task', 'inference'), ('phase', 'init'), ('tried_to_allocate_gib', 4.0), ('runtime', 'vulkan')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = ("error_out_of_device_memory", "vulkan", "vk_error", "erroroutofdevicememory", "vk::")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"ggml_vulkan: Device memory allocation of size ([0-9]+) failed", "vram_oom", 0.96, "llama.cpp", ("tried_to_allocate_gib",), says=(("task", "inference"),), hints=(("phase", "init"),)),
        Form(r"ggml_vulkan|ggml-vulkan|ggml_vk_", runtime="llama.cpp", says=(("task", "inference"),)),
        Form(r"Requested buffer size exceeds device memory allocation limit|exceeds device memory allocation limit", "vram_oom", 0.93, says=(("signal", "single_buffer_limit"),)),
        Form(r"ErrorOutOfDeviceMemory|VK_ERROR_OUT_OF_DEVICE_MEMORY|\bVK\b[^\n]{0,24}\bERROR_OUT_OF_DEVICE_MEMORY", "vram_oom", 0.93, hints=(("runtime", "vulkan"),)),
        Form(r"ErrorOutOfHostMemory|VK_ERROR_OUT_OF_HOST_MEMORY", "host_oom", 0.8, hints=(("runtime", "vulkan"),)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure with its numbers."""
    yield from seen(doc, _forms())
