r"""JAX/XLA, TensorFlow, Paddle, MindSpore, CuPy, RAPIDS and ONNX Runtime.

>>> text = "jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8589934592 bytes."
>>> [(o.fact, o.value) for o in read(Document.of(text))]
[('failure_kind', 'vram_oom'), ('runtime', 'jax'), ('tried_to_allocate_gib', 8.0), ('failure_kind', 'vram_oom'), ('runtime', 'jax')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import SIZE, Compiled, Form, compiled, seen

TRIGGERS = (
    "resource_exhausted", "resource exhausted", "resourceexhausted", "oom when allocating", "failed to allocate", "out of memory error on gpu",
    "fail to alloc", "内存不足", "addmemblock", "cudahostalloc", "out of memory to allocate", "out of memory allocating", "rmm", "bfcarena",
    "bfc_arena", "available memory of", "caller indicates", "exceeds 10%", "pinned host memory", "inuse:", "blas gemm", "could not create cudnn",
    "maximum pool size", "cuda failure 2", "mindspore", "chunks of size", "node: ", "freememory", "tensorflow", "ran out of memory", "onnxruntime", "paddle", "keras",
)  # fmt: skip


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        # JAX: https://docs.jax.dev/en/latest/gpu_memory_allocation.html
        Form(r"(?:RESOURCE_EXHAUSTED|Resource exhausted): Out of memory (?:while trying to allocate|allocating) ([0-9]+) bytes", "vram_oom", 0.97, "jax", ("tried_to_allocate_gib",)),
        Form(rf"(?:RESOURCE_EXHAUSTED|Resource exhausted): Failed to allocate request for {SIZE}[^\n]{{0,40}}on device ordinal ([0-9]+)", "vram_oom", 0.97, "jax", ("tried_to_allocate_gib", "gpu_index")),
        Form(r"(?:Xla|Jax)RuntimeError: RESOURCE_EXHAUSTED", "vram_oom", 0.9, "jax"),
        # TensorFlow: the BFC allocator.
        Form(r"OOM when allocating tensor (?:with|of) shape\s?\[[0-9, ]*\](?:[^\n]{0,160}device:GPU:([0-9]+))?", "vram_oom", 0.95, "tensorflow", ("gpu_index",), hints=(("task", "train"),)),
        Form(r"Node: [\w/.-]*(?:gradients|Grad)[\w/.-]* =", hints=(("phase", "backward"), ("task", "train"))),
        Form(r"Node: [\w/.-]*(?:Adam|Momentum|Initializer)[\w/.-]* =", hints=(("phase", "init"), ("task", "train"))),
        Form(r"Node: [\w/.-]+ = (?:Conv|MatMul|FusedBatchNorm|BiasAdd|Relu|MaxPool|Mul|Add|Concat|Softmax)", hints=(("phase", "forward"),)),
        Form(r"\bsave/Save|Node: save/", hints=(("phase", "checkpoint_save"), ("task", "train"))),
        Form(r"OOM when allocating tensor (?:with|of) shape[^\n]{0,120}device:CPU:", "host_oom", 0.98, "tensorflow"),
        Form(rf"failed to allocate {SIZE} \([0-9]+ bytes\) from device: CUDA_ERROR_OUT_OF_MEMORY", "vram_oom", 0.9, "tensorflow", ("tried_to_allocate_gib",)),
        Form(r"failed to allocate ([0-9.]+G) \([0-9]+ bytes\) from device", "vram_oom", 0.9, "tensorflow", ("tried_to_allocate_gib",)),
        Form(r"The caller indicates that this is not a failure|exceeds 10% of (?:free )?system memory", "none", 0.3, "tensorflow"),
        Form(r"could not allocate pinned host memory|failed to alloc [0-9]+ bytes on host", "host_oom", 0.8, "tensorflow"),
        Form(r"Sum Total of in-use chunks|[0-9]+ Chunks of size [0-9]+ totalling", "vram_oom", 0.6, "tensorflow"),
        Form(r"Stats:\s+Limit:\s+[0-9]+\s+InUse:", "vram_oom", 0.55, "tensorflow"),
        Form(rf"totalMemory: {SIZE} freeMemory: {SIZE}", "", 0.0, "tensorflow", ("gpu_capacity_gib", "gpu_free_gib")),
        Form(r"tensorflow/(?:core|stream_executor|compiler)/|tensorflow\.python|site-packages/tensorflow/|keras/engine", runtime="tensorflow"),
        Form(rf"Allocator \(GPU_([0-9]+)_bfc\) ran out of memory trying to allocate {SIZE}", "", 0.0, "tensorflow", ("gpu_index", "tried_to_allocate_gib")),
        Form(rf"ran out of memory trying to allocate {SIZE}", "", 0.0, "tensorflow", ("tried_to_allocate_gib",)),
        Form(r"Allocation of ([0-9]+) exceeds 10% of", "", 0.0, "tensorflow", ("tried_to_allocate_gib",)),
        Form(r"/device:GPU:([0-9]+)|device:GPU:([0-9]+)|Found device ([0-9]+) with properties", facts=("gpu_index", "gpu_index", "gpu_index")),
        Form(r"Could not create cudnn handle: CUDNN_STATUS|Blas GEMM launch failed", "vram_oom", 0.6, "tensorflow"),
        Form(r"Resource exhausted: /\S+", "other_error", 0.95, "tensorflow"),
        # Paddle
        Form(rf"Out of memory error on GPU ([0-9]+)\.\s+Cannot\s+allocate\s+{SIZE}\s+memory\s+on\s+GPU\s+[0-9]+,(?:\s+{SIZE}\s+memory\s+has\s+been\s+allocated\s+and)?\s+available\s+memory\s+is\s+only\s+{SIZE}?", "vram_oom", 0.98, "paddle", ("gpu_index", "tried_to_allocate_gib", "torch_allocated_gib", "gpu_free_gib")),
        Form(r"GPU ?([0-9]+)上?出现内存不足错误|内存不足错误[^\n]{0,20}GPU ?([0-9]+)", "vram_oom", 0.96, "paddle", ("gpu_index", "gpu_index")),
        Form(rf"上分配 ?{SIZE}内存，已分配 ?{SIZE}内存，可用内存仅为 ?{SIZE}", "vram_oom", 0.96, "paddle", ("tried_to_allocate_gib", "torch_allocated_gib", "gpu_free_gib")),
        Form(r"ResourceExhaustedError: *\n*[^\n]*paddle|paddle/fluid|site-packages/paddle/", runtime="paddle"),
        Form(rf"Out of memory error on GPU ([0-9]+)|Cannot allocate {SIZE} GPU memory", "vram_oom", 0.95, "paddle", ("gpu_index", "tried_to_allocate_gib")),
        Form(r"Fail to alloc memory of ([0-9]+) size", "host_oom", 0.96, "paddle", ("tried_to_allocate_gib",)),
        # MindSpore
        Form(r"AddMemBlockAndMemBuf|mindspore/ccsrc[^\n]{0,200}(?:malloc|[Mm]emory)[^\n]{0,80}(?:fail|more than)", "vram_oom", 0.93, "mindspore"),
        Form(r"alloc size ?: ?([0-9]+) is more than total mem size ?: ?([0-9]+)", "vram_oom", 0.95, "mindspore", ("tried_to_allocate_gib", "gpu_capacity_gib")),
        Form(r"cudaHostAlloc failed", "host_oom", 0.8, "mindspore"),
        # CuPy: https://docs.cupy.dev/en/stable/user_guide/memory.html
        Form(r"[Oo]ut of memory (?:to allocate|allocating) ([0-9,]+) bytes \((?:total|allocated so far)", "vram_oom", 0.97, "cupy", ("tried_to_allocate_gib",)),
        # RAPIDS
        Form(r"(?:std::bad_alloc: )?(?:out_of_memory: )?CUDA error at: \S*rmm\S*: cudaErrorMemoryAllocation|RMM failure at:|Maximum pool size exceeded", "vram_oom", 0.96, "rapids"),
        # ONNX Runtime
        Form(r"onnxruntime|\[E:onnxruntime", runtime="onnxruntime", hints=(("task", "inference"),)),
        Form(r"nchwc'[^\n]{0,200}AllocateRawInternal|CPUExecutionProvider[^\n]{0,200}AllocateRawInternal", "host_oom", 0.94, "onnxruntime"),
        Form(r"Failed to allocate memory for requested buffer of size ([0-9]+)", "vram_oom", 0.92, "onnxruntime", ("tried_to_allocate_gib",), hints=(("phase", "forward"),)),
        Form(r"Available memory of ([0-9]+) is smaller than requested bytes of ([0-9]+)", "vram_oom", 0.95, "onnxruntime", ("gpu_free_gib", "tried_to_allocate_gib")),
        Form(r"CUDA failure 2: out of memory ?; GPU=([0-9]+)", "vram_oom", 0.95, "onnxruntime", ("gpu_index",)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure with its numbers; a bare number is in bytes."""
    yield from seen(doc, _forms())
