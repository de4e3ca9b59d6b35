r"""Inference servers and runtimes: vLLM, SGLang, TGI, TensorRT-LLM, TensorRT, llama.cpp, Ollama.

>>> text = "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing the engine."
>>> [(o.fact, o.value) for o in read(Document.of(text))]
[('failure_kind', 'kv_cache'), ('runtime', 'vllm'), ('task', 'inference'), ('phase', 'init')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import FactValue, Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import SIZE, Compiled, Form, compiled, seen

TRIGGERS = (
    "cache blocks", "kv cache", "gpu memory utilization", "dummy requests", "mem-fraction-static", "not enough memory", "tensorrt", "trt",
    "requires more system memory", "llama", "ggml", "vllm", "sglang", "gpu blocks", "cudamalloc failed", "capture cuda graph", "tactic",
    "model loading took", "model weights took", "alloc_tensor_range", "ollama", "n_ctx", "ctx", "maximum concurrency",
)  # fmt: skip

_SERVES: tuple[tuple[str, FactValue], ...] = (("task", "inference"),)
_STARTS: tuple[tuple[str, FactValue], ...] = (("task", "inference"), ("phase", "init"))
_LOADS: tuple[tuple[str, FactValue], ...] = (("task", "inference"), ("phase", "load"))


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        # vLLM
        Form(r"No available memory for the cache blocks", "kv_cache", 0.98, "vllm", says=_STARTS),
        Form(r"max(?:imum)? seq(?:uence)? len(?:gth)? \(([0-9]+)\) is larger than the maximum number of tokens that can be stored in (?:the )?KV cache \(([0-9]+)\)", "kv_cache", 0.98, "vllm", ("max_model_len", "kv_cache_tokens"), _STARTS),
        Form(r"To serve at least one request with the models?'?s?'? max seq len \(([0-9]+)\)", "kv_cache", 0.98, "vllm", ("max_model_len",), _STARTS),
        Form(r"Free memory on device [^(\n]*\(([0-9.]+)/([0-9.]+) GiB\) on startup is less than desired GPU memory utilization \(([0-9.]+)", "vram_oom", 0.97, "vllm", ("gpu_free_gib", "gpu_capacity_gib", "gpu_memory_utilization"), _STARTS, "GiB"),
        Form(r"when warming up sampler with ([0-9]+) dummy requests", "vram_oom", 0.97, "vllm", ("concurrency",), _STARTS),
        Form(r"# GPU blocks: 0\b", "kv_cache", 0.9, "vllm", says=_STARTS),
        Form(r"current vLLM instance can use|Model loading took|Loading model weights took|vllm/(?:engine|worker|v1|executor|entrypoints)/", "", runtime="vllm", says=_SERVES, hints=(("phase", "init"),)),
        Form(rf"instance can use total_gpu_memory \({SIZE}\) x gpu_memory_utilization \(([0-9.]+)\)", facts=("gpu_capacity_gib", "gpu_memory_utilization")),
        Form(r"Maximum concurrency for ([0-9,]+) tokens per request", facts=("max_model_len",)),
        Form(r"Initializing (?:an LLM|a V1 LLM|a V0 LLM) engine[^\n]*max_seq_len=([0-9]+)", facts=("max_model_len",)),
        # SGLang
        Form(r"Not enough memory\. Please try to increase --mem-fraction-static", "kv_cache", 0.97, "sglang", says=_STARTS),
        Form(r"Capture cuda graph failed", "vram_oom", 0.85, "sglang", says=_STARTS),
        Form(r"sglang/srt/", "", runtime="sglang", says=_SERVES),
        # TGI
        Form(r"Not enough memory to handle ([0-9]+) (?:prefill tokens|total tokens)", "vram_oom", 0.97, "tgi", says=_STARTS),
        # TensorRT-LLM, TensorRT
        Form(r"Executor creation failed due to insufficient GPU memory", "vram_oom", 0.97, "tensorrt", says=_STARTS),
        Form(r"\[(?:TensorRT-LLM|TRT-LLM)\]\[ERROR\][^\n]{0,200}out of memory", "vram_oom", 0.97, "tensorrt", says=_SERVES),
        Form(r"Total GPU memory \(GiB\): ([0-9.]+)", "", facts=("gpu_capacity_gib",), unit="GiB"),
        Form(r"Error Code 2: OutOfMemory|Requested amount of GPU memory \(([0-9]+) bytes\) could not be allocated", "vram_oom", 0.97, "tensorrt", ("tried_to_allocate_gib",), _SERVES),
        Form(r"Device memory is insufficient to use tactic|[Ss]kipping tactic [^\n]{0,60}insuf+icient memory(?: on requested size of ([0-9]+))?", "vram_oom", 0.35, "tensorrt", ("tried_to_allocate_gib",), _STARTS),
        # llama.cpp
        Form(rf"allocating {SIZE} on device ([0-9]+): cudaMalloc failed: out of memory", "vram_oom", 0.97, "llama.cpp", ("tried_to_allocate_gib", "gpu_index"), _SERVES, hints=(("phase", "init"),)),
        Form(r"alloc_tensor_range: failed to allocate \w+ buffer of size ([0-9]+)", "vram_oom", 0.93, "llama.cpp", ("tried_to_allocate_gib",), _LOADS),
        Form(r"failed to allocate buffer for kv cache", "vram_oom", 0.94, "llama.cpp", says=_STARTS),
        Form(r"ggml_gallocr_reserve_n(?:_impl)?: failed to allocate \w+ buffer of size ([0-9]+)", "vram_oom", 0.94, "llama.cpp", ("tried_to_allocate_gib",), _STARTS),
        Form(r"CUDA error 2 at \S+: out of memory|current device: ([0-9]+), in function alloc", "vram_oom", 0.95, "llama.cpp", ("gpu_index",), _SERVES),
        Form(r"not enough space in the (?:context's|scratch) memory pool", "other_error", 0.9, "llama.cpp", says=_SERVES),
        Form(r"llama_model_load|ggml_backend_|llama_kv_cache|load_tensors:|llm_load_tensors", "", runtime="llama.cpp", says=_SERVES),
        Form(r"\bn_ctx\s*=\s*([0-9]+)|--ctx[-_]size[ =]([0-9]+)", facts=("max_model_len", "max_model_len")),
        # Ollama
        Form(r"requires more system memory", "host_oom", 0.98, "ollama", says=_LOADS),
        Form(r"llama runner process has terminated: (?:CUDA error: out of memory|cudaMalloc failed)", "vram_oom", 0.96, "ollama", says=_SERVES),
        Form(r"llama runner process has terminated: signal: killed", "host_oom", 0.9, "ollama", says=_SERVES),
        Form(r"level=(?:INFO|WARN|ERROR) source=\w+\.go|(?m)^\$? ?ollama (?:run|serve)|\bOllama\b", "", runtime="ollama", says=_SERVES),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure with its numbers; that a server ran is known from its log lines alone."""
    yield from seen(doc, _forms())
