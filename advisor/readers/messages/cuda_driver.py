r"""The CUDA driver's own allocation calls, as Numba, PyCUDA, KeOps, ManagedCuda, JCuda and others report them.

>>> log = '''numba.cuda.cudadrv.driver.CudaAPIError: [2] Call to cuMemAlloc results in CUDA_ERROR_OUT_OF_MEMORY'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('runtime', 'numba'), ('failure_kind', 'vram_oom')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = (
    "cumem",
    "cuctx",
    "curesult",
    "cuda_error_out_of_memory",
    "erroroutofmemory",
    "jcuda",
    "numba",
    "cudaexception",
    "cudamalloc",
    "memoryallocation",
)


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"numba\.cuda\.cudadrv|numba/cuda/|Call to cuMem\w+ results in", "", 0.0, "numba"),
        Form(r"Call to cu\w+ results in (?:CUDA_ERROR_OUT_OF_MEMORY|UNKNOWN_CUDA_ERROR 2\b)", "vram_oom", 0.95, "numba"),
        Form(r"pycuda\._driver\.MemoryError|pycuda[^\n]{0,60}cuMemAlloc failed: out of memory", "vram_oom", 0.95, "pycuda"),
        Form(r"cuMem\w*\([^\n]{0,80}\)? failed with error CUDA_ERROR_OUT_OF_MEMORY|cuMem\w+ failed: out of memory", "vram_oom", 0.94, "cuda"),
        Form(r"CUresult error +result=2\b", "vram_oom", 0.93, "cuda"),
        Form(r"\[KeOps\] error", hints=(("framework", "keops"),)),
        Form(r"torch_memory_saver\.cpp", hints=(("framework", "torch_memory_saver"),)),
        Form(r"CUresult error +result=[013-9]", "other_error", 0.6, "cuda"),
        Form(r"ManagedCuda\.\w*Exception: ErrorOutOfMemory", "vram_oom", 0.95, "managedcuda"),
        Form(r"jcuda\.CudaException: (?:CUDA_ERROR_OUT_OF_MEMORY|cudaErrorMemoryAllocation)", "vram_oom", 0.95, "jcuda"),
        Form(r"cuCtxCreate", hints=(("phase", "init"),)),
        Form(r"CUDA_ERROR_OUT_OF_MEMORY|cudaErrorMemoryAllocation", "vram_oom", 0.85),
        Form(r"(?i)\bcudamalloc\w*(?:\([^\n]{0,60}\))?(?: failed| error)?\W{1,3}out of memory", "vram_oom", 0.88),
        Form(r"(?i)\bcudamalloc\w*(?:\([^\n]{0,60}\))?(?: failed| error)?\W{1,3}unknown error", "other_error", 0.93, says=(("signal", "install_mismatch"),)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure; these calls print no sizes."""
    yield from seen(doc, _forms())
