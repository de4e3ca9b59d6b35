r"""llama.cpp and its kin: weights, KV cache or compute buffers that do not fit, in the wordings of ggml since 2023.

>>> log = '''ggml_backend_cuda_buffer_type_alloc_buffer: allocating 20480.00 MiB on device 1: cudaMalloc failed: out of memory
... alloc_tensor_range: failed to allocate CUDA1 buffer of size 21474836480
... llama_model_load: error loading model: unable to allocate CUDA1 buffer'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'vram_oom'), ('runtime', 'llama.cpp'), ('task', 'inference'), ('tried_to_allocate_gib', 20.0), ('gpu_index', 1), ('phase', 'load'), ('gpu_index', 1), ('tried_to_allocate_gib', 20.0)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import FactValue, Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import SIZE, Compiled, Form, compiled, seen

TRIGGERS = (
    "ggml",
    "llama",
    "alloc_tensor_range",
    "cudamalloc failed",
    "cuda error",
    "load_tensors",
    "n_ctx",
    "n_gpu_layers",
    "gguf",
)

_SERVES: tuple[tuple[str, FactValue], ...] = (("task", "inference"),)
_STARTS: tuple[tuple[str, FactValue], ...] = (("task", "inference"), ("phase", "init"))
_LOADS: tuple[tuple[str, FactValue], ...] = (("task", "inference"), ("phase", "load"))


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        # https://github.com/ggml-org/llama.cpp: ggml/src/ggml-cuda, src/llama-model.cpp, src/llama-kv-cache.cpp
        Form(rf"allocating {SIZE} on device ([0-9]{{1,3}}): (?:cudaMalloc|hipMalloc) failed: out of memory", "vram_oom", 0.97, "llama.cpp", ("tried_to_allocate_gib", "gpu_index"), _SERVES),
        Form(r"alloc_tensor_range: failed to allocate (?:CUDA|ROCm|SYCL|Vulkan|Metal)([0-9]{0,3}) buffer of size ([0-9]+)", "vram_oom", 0.95, "llama.cpp", ("gpu_index", "tried_to_allocate_gib"), _LOADS),
        Form(r"alloc_tensor_range: failed to allocate CPU\w* buffer of size ([0-9]+)", "host_oom", 0.95, "llama.cpp", ("tried_to_allocate_gib",), _LOADS),
        Form(r"ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer of size ([0-9]+)|unable to allocate CPU\w* buffer", "host_oom", 0.96, "llama.cpp", ("tried_to_allocate_gib",), _SERVES),
        Form(r"unable to allocate (?:backend|CUDA[0-9]*|ROCm[0-9]*|Vulkan[0-9]*|Metal) buffer", "vram_oom", 0.94, "llama.cpp", says=_LOADS),
        Form(r"failed to allocate buffer for kv cache|failed to allocate (?:the )?KV cache", "vram_oom", 0.94, "llama.cpp", says=(*_STARTS, ("signal", "kv_cache_failed"))),
        Form(r"ggml_gallocr_reserve_n(?:_impl)?: failed to allocate (?:CUDA|ROCm|SYCL|Vulkan|Metal)([0-9]{0,3}) buffer of size ([0-9]+)", "vram_oom", 0.95, "llama.cpp", ("gpu_index", "tried_to_allocate_gib"), _STARTS),
        Form(r"failed to allocate compute (?:pp )?buffers", "vram_oom", 0.9, "llama.cpp", says=_STARTS),
        Form(r"CUDA error 2 at \S+ ?: out of memory", "vram_oom", 0.96, "llama.cpp", says=_SERVES, hints=(("phase", "load"),)),
        Form(r"CUDA error: out of memory\s+current device: ([0-9]{1,3}), in function \w+", "vram_oom", 0.97, "llama.cpp", ("gpu_index",), _SERVES),
        Form(r"current device: ([0-9]{1,3}), in function \w+ at \S*ggml", facts=("gpu_index",), runtime="llama.cpp", says=_SERVES),
        Form(r"not enough space in the (?:context's|scratch) memory pool", "other_error", 0.9, "llama.cpp", says=_SERVES),
        # A warning: it goes on with pageable memory.
        Form(r"failed to allocate ([0-9]+)[.,][0-9]{2} (?:MiB|MB) of pinned memory", "none", 0.25, "llama.cpp", ("tried_to_allocate_gib",), unit="MiB", says=(*_SERVES, ("signal", "pinned_memory"))),
        Form(r"llama_model_load|ggml_backend_|ggml_cuda_init|ggml-cuda\.cu|llama_kv_cache|load_tensors:|llm_load_tensors|llama_new_context|llama-server|llama-cli|\./main -m|GGML_ASSERT", "", runtime="llama.cpp", says=_SERVES),
        Form(r"(?:llm_load_tensors|load_tensors|llama_new_context_with_model|llama_context)[\s\S]*?(?i)cudamalloc failed", hints=(("phase", "init"),)),
        Form(r"(?:llama_new_context_with_model|llama_context|llama_init_from_model): n_ctx", hints=(("phase", "init"),)),
        Form(r"\bn_ctx\s*=\s*([0-9]+)|--ctx[-_]size[ =]([0-9]+)", facts=("max_model_len", "max_model_len")),
        Form(r"offloaded ([0-9]+)/[0-9]+ layers to GPU", facts=("gpu_layers",)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure with its size; which buffer it was tells the phase."""
    yield from seen(doc, _forms())
