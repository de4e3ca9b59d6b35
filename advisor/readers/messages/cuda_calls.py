r"""CUDA calls outside a caching allocator: bare "out of memory" of the runtime, the driver, cuBLAS, cuDNN, NCCL and libraries on them.

>>> [(o.fact, o.value) for o in read(Document.of("RuntimeError: CUDA error: out of memory"))]
[('failure_kind', 'vram_oom'), ('runtime', 'pytorch'), ('failure_kind', 'vram_oom')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = (
    "failed to load",
    "加载模型",
    "prompt executed",
    "out of memory",
    "out_of_memory",
    "outofmemory",
    "alloc_failed",
    "cublas",
    "cudnn",
    "memoryallocation",
    "memory allocation",
    "calloc async",
    "cumem",
    "for device",
)


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"cuda runtime error \(2\) ?: out of memory|THCudaCheck FAIL file=\S+ line=\d+ error=2 ", "vram_oom", 0.96, "pytorch"),
        Form(r"(?:AcceleratorError|RuntimeError|torch\S*Error|^|\W)(?::\s*)?CUDA error: ?out of memory", "vram_oom", 0.93, "pytorch"),
        Form(r"HIP error: ?out of memory|hipErrorOutOfMemory|HIP_ERROR_OutOfMemory", "vram_oom", 0.95, "rocm"),
        Form(r"would exceed allowed memory", "vram_oom", 0.96, "pytorch"),
        Form(r"Allocation on device\s+([0-9]{1,3})\b", "vram_oom", 0.93, "pytorch", ("gpu_index",)),
        Form(r"Allocation on device\s*(?:$|\n|\*|This error|\[This)|This error means you ran out of memory on your GPU", "vram_oom", 0.95, "pytorch"),
        Form(r"Currently allocated\s*:\s*([0-9.]+ \w+)", "", facts=("torch_allocated_gib",)),
        Form(r"\bRequested\s*:\s*([0-9.]+ [KMG]iB)", "", facts=("tried_to_allocate_gib",)),
        Form(r"Device limit\s*:\s*([0-9.]+ [KMG]iB)", "", facts=("gpu_capacity_gib",)),
        Form(r"Free \(according to CUDA\)\s*:\s*([0-9.]+ \w+)", "", facts=("gpu_free_gib",)),
        Form(r"pin memory thread for device ([0-9]+)|thread for device ([0-9]+)", facts=("gpu_index", "gpu_index")),
        Form(r"(?m)^Prompt executed in [0-9.]+ seconds|!!! Exception during processing", hints=(("task", "inference"), ("phase", "generate"))),
        Form(r"(?i)stable diffusion model failed to load|failed to load model|正在加载模型|加载模型时?(?:失败|报错|出错)", hints=(("phase", "load"), ("task", "inference"))),
        Form(r"Error out of memory at line \d+ in file", "vram_oom", 0.94),
        Form(r"CUDA failed with error out of memory", "vram_oom", 0.96, "ctranslate2", says=(("task", "inference"),)),
        Form(r"Insufficient VRAM (?:in split )?for model and cache", "vram_oom", 0.95, says=(("phase", "load"), ("task", "inference"))),
        Form(r"numba\.cuda\.cudadrv|Call to cuMemAlloc results in", "vram_oom", 0.9, "numba"),
        Form(r"cuMemAlloc\w*\(?[^\n]{0,60}failed[^\n]{0,60}OUT_OF_MEMORY|CUresult error\s+result=2\b|ErrorOutOfMemory:|CudaException: CUDA_ERROR_OUT_OF_MEMORY", "vram_oom", 0.93),
        Form(r"(?:RuntimeError: )?CUDA error: CUBLAS_STATUS|cuDNN error: CUDNN_STATUS", runtime="pytorch"),
        Form(r"CUBLAS_STATUS_ALLOC_FAILED", "vram_oom", 0.8),
        Form(r"CUBLAS_STATUS_NOT_INITIALIZED|[Cc]reate cublas handle failed|failed to create cublas handle", "vram_oom", 0.62),
        Form(r"CUDNN_STATUS_ALLOC_FAILED", "vram_oom", 0.8),
        Form(r"CUDNN_STATUS_NOT_INITIALIZED", "vram_oom", 0.56),
        Form(r"CUDNN_STATUS_(?:INTERNAL_ERROR|EXECUTION_FAILED|MAPPING_ERROR)", "other_error", 0.55),
        Form(r"NCCL WARN (?:Cuda failure (?:2 )?'out of memory'|Failed to CUDA calloc(?: async)? ([0-9]+) bytes)", "vram_oom", 0.93, "nccl", ("tried_to_allocate_gib",)),
        Form(r"Failed to CUDA calloc async ([0-9]+) bytes", "vram_oom", 0.93, "nccl", ("tried_to_allocate_gib",)),
        Form(r"thrust::system::system_error|parallel_for failed: out of memory|std::bad_alloc: (?:out of memory|cudaErrorMemoryAllocation)", "vram_oom", 0.9),
        Form(r"Memory allocation error on worker \d+: std::bad_alloc", "vram_oom", 0.93, "xgboost"),
        Form(r"-? ?Free memory: ([0-9]+)", "", facts=("gpu_free_gib",)),
        Form(r"-? ?Requested memory: ([0-9]+)", "", facts=("tried_to_allocate_gib",)),
        Form(r"pooled_storage_manager\.h:\d+: cudaMalloc failed: out of memory", "vram_oom", 0.96, "mxnet"),
        Form(r"\(-217:Gpu API call\) out of memory", "vram_oom", 0.95, "opencv"),
        Form(r"Memory Object Allocation Failure|CL_MEM_OBJECT_ALLOCATION_FAILURE", "vram_oom", 0.9, "opencl"),
        Form(r"CUDA_ERROR_OUT_OF_MEMORY|cudaErrorMemoryAllocation", "vram_oom", 0.85),
        Form(r"(?i)cuda(?:malloc|)\s*(?:failed|error)?\W{1,3}out of memory", "vram_oom", 0.85),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure and the numbers that stand beside it; most of these messages have none."""
    yield from seen(doc, _forms())
