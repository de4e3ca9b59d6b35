r"""vLLM: a cache that finds no room, a start on a busy card, the memory profile it logs, and failures of the engine's workers.

>>> log = '''ERROR 05-04 11:12:13 [core.py:396] ValueError: To serve at least one request with the models's max seq len (131072), (16.00 GiB KV cache is
... needed, which is larger than the available KV cache memory (7.25 GiB). Try increasing `gpu_memory_utilization` or decreasing `max_model_len`.'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'kv_cache'), ('runtime', 'vllm'), ('task', 'inference'), ('phase', 'init'), ('max_model_len', 131072)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import FactValue, Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import SIZE, Compiled, Form, compiled, seen

TRIGGERS = (
    "cache blocks",
    "kv cache",
    "gpu memory utilization",
    "dummy requests",
    "vllm",
    "gpu blocks",
    "model loading took",
    "loading model weights took",
    "model weights take",
    "maximum concurrency",
    "enginecore",
    "cumem_allocator",
    ".py:",
)

_SERVES: tuple[tuple[str, FactValue], ...] = (("task", "inference"),)
_STARTS: tuple[tuple[str, FactValue], ...] = (("task", "inference"), ("phase", "init"))
# Trainers that let vLLM sample for them; the prefix of a Ray actor may be all that shows of it.
_TRAINERS = (
    "LLMRayActor",
    "trl/trainer/",
    "rollout_sharding_manager",
    "fsdp_workers",
    "main_ppo",
    "update_actor",
    "compute_log_prob",
    "OpenRLHF",
    "openrlhf",
    "GRPOTrainer",
    "GRPOConfig",
    "actor_rollout_ref",
    "(WorkerDict",
)


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        # https://github.com/vllm-project/vllm: worker/worker.py, v1/core/kv_cache_utils.py, v1/worker/gpu_worker.py
        Form(r"No available memory for the cache blocks", "kv_cache", 0.98, "vllm", says=_STARTS, server=True),
        Form(r"max(?:imum)? seq(?:uence)? len(?:gth)? \(([0-9]+)\) is larger than the maximum number of tokens that can be stored in (?:the )?KV cache \(\s*([0-9]+)\s*\)", "kv_cache", 0.98, "vllm", ("max_model_len", "kv_cache_tokens"), _STARTS, server=True),
        Form(r"To serve at least one request with the models?'?s?'? max(?:imum)? seq(?:uence)? len(?:gth)? \(([0-9]+)\)(?:[^\n]*estimated maximum model length is ([0-9]+))?", "kv_cache", 0.98, "vllm", ("max_model_len", "kv_cache_tokens"), _STARTS, server=True),
        Form(r"Free memory on device ?(?:(?:cuda|xpu|hip|npu):([0-9]{1,3}) )?\(([0-9.]+)/([0-9.]+) GiB\) on startup is less than desired GPU memory utilization(?: \(([0-9.]+), [0-9.]+ GiB\))?", "vram_oom", 0.97, "vllm", ("gpu_index", "gpu_free_gib", "gpu_capacity_gib", "gpu_memory_utilization"), _STARTS, server=True, unit="GiB"),
        Form(r"out of memory occurred when warming up sampler with ([0-9]+) dummy requests", "vram_oom", 0.98, "vllm", ("concurrency",), _STARTS, server=True),
        Form(r"# (?:GPU|CUDA|cuda) blocks: 0\b", "kv_cache", 0.9, "vllm", says=_STARTS, server=True),
        Form(r"Error in memory profiling\. ?(?:Initial free memory|This happens when)|GPU memory was not properly cleaned up before initializing", "vram_oom", 0.85, "vllm", says=_STARTS, server=True),
        # A worker's own failure carries the log prefix of vLLM: level, date, [file.py:line].
        Form(r"(?:ERROR|CRITICAL|WARNING) [0-9]{2}-[0-9]{2} [0-9:]{8} \[?[\w/]+\.py:[0-9]+\][^\n]*(?:out of memory|OutOfMemoryError)", "", 0.0, "vllm", says=_SERVES, server=True),
        Form(r"(?:out of memory|OutOfMemoryError)[\s\S]*?EngineCore (?:failed|hit an exception|encountered)|EngineCore failed to start|EngineCore hit an exception", "", 0.0, "vllm", says=_STARTS, server=True),
        # The budget that it logs; it is no failure by itself.
        Form(rf"instance can use total_gpu_memory \({SIZE}\) x gpu_memory_utilization \(([0-9.]+)\)", "none", 0.25, "vllm", ("gpu_capacity_gib", "gpu_memory_utilization"), _STARTS),
        Form(r"the rest of the memory reserved for KV Cache is -[0-9.]+ ?GiB", "kv_cache", 0.9, "vllm", says=_STARTS),
        Form(r"(?:# GPU blocks: [1-9][0-9]*|Loading model weights took|Model loading took)", "none", 0.22, "vllm", says=_SERVES, hints=(("phase", "init"),)),
        Form(r"Maximum concurrency for ([0-9,]+) tokens per request", facts=("max_model_len",)),
        Form(r"Initializing (?:an LLM|a V1 LLM|a V0 LLM) engine(?:[^\n]*\n?[^\n]*\n?[^\n]*max_seq_len=([0-9]+))?", "", 0.0, "vllm", ("max_model_len",), _SERVES, hints=(("phase", "init"), ("framework", "vllm"))),
        Form(r"[Cc]apturing (?:the model for )?CUDA graph", says=(("signal", "graph_capture"),)),
        Form(r"vllm/(?:engine|worker|v1|executor|entrypoints|model_executor)/|\bvllm serve\b|vllm\.entrypoints|(?:llm_engine|gpu_executor|worker_base|gpu_model_runner|multiproc_executor)\.py:[0-9]+\]", "", runtime="vllm", says=_SERVES, hints=(("framework", "vllm"),)),
        # Its allocator that lets a sleeping engine go and wakes it up, inside of trainers.
        Form(r"cumem_allocator\.cpp|vllm/device_allocator", "", runtime="vllm", server=True),
        Form(r"Engine core initialization failed|wait_for_engine_startup|launch_core_engines", "other_error", 0.45, "vllm", says=_STARTS),
        Form(r"(?i)\bvllm\b", hints=(("runtime", "vllm"),)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure with its numbers; the server speaks for PyTorch where a worker's line or the engine's frames show it."""
    yield from seen(doc, _forms())
    for line in doc.lines:
        if any(word in line.raw for word in _TRAINERS):
            yield Observation("task", "train", line.number, line.text.strip()[:200], rank=88)
            break
