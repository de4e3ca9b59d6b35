r"""CUDA's bare "out of memory", from calls outside PyTorch's caching allocator: no numbers, any cause that takes the card.

>>> log = '''torch.AcceleratorError: CUDA error: out of memory
... Search for `cudaErrorMemoryAllocation' in https://docs.nvidia.com/cuda/cuda-runtime-api/group__CUDART__TYPES.html for more information.'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'vram_oom'), ('signal', 'bare_cuda_oom'), ('runtime', 'pytorch'), ('runtime', 'pytorch'), ('failure_kind', 'vram_oom')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = ("cuda error", "cuda runtime error", "thcudacheck", "hip error", "hiperror", "hip_error", "memoryallocation")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"(?i)cuda runtime error ?\(2\) ?: out of memory|THCudaCheck FAIL file=\S+ line=[0-9]+ error=2 ", "vram_oom", 0.96, "pytorch", says=(("signal", "bare_cuda_oom"),)),
        Form(r"(?i)CUDA error ?: ?out of memory", "vram_oom", 0.93, says=(("signal", "bare_cuda_oom"),), hints=(("runtime", "pytorch"),)),
        Form(r"(?:RuntimeError|AcceleratorError|Exception)\)?\W{1,4}CUDA error\b|For debugging consider passing CUDA_LAUNCH_BLOCKING|TORCH_USE_CUDA_DSA", runtime="pytorch"),
        Form(r"Search for `cudaErrorMemoryAllocation'", "vram_oom", 0.95, "pytorch"),
        Form(r"(?i)HIP error: ?out of memory|hipErrorOutOfMemory|HIP_ERROR_OutOfMemory", "vram_oom", 0.95, "rocm", says=(("signal", "bare_cuda_oom"),)),
        Form(r"torch\.cuda\.set_device|in set_device\b|_cuda_setDevice|cuCtxCreate|cudaSetDevice", hints=(("phase", "init"),)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure; these messages carry no numbers."""
    yield from seen(doc, _forms())
