# ruff: noqa: E501 - messages stand as they are printed
"""Inference servers: vLLM, SGLang, TGI, TensorRT(-LLM), llama.cpp, Ollama, CTranslate2, ExLlama."""

from __future__ import annotations

import pytest

from tests.readers.messages.conftest import Check, See

CASES: list[tuple[str, str, str, dict[str, object]]] = [
    ("vllm no blocks", "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing the engine.",
     "kv_cache", {"runtime": "vllm", "task": "inference", "phase": "init"}),
    ("vllm source line only", 'worker-1  | ERROR 11-02 10:11:12 engine.py:366]     raise ValueError("No available memory for the cache blocks. "',
     "kv_cache", {"runtime": "vllm"}),
    ("vllm max len", "ValueError: The model's max seq len (32768) is larger than the maximum number of tokens that can be stored in KV cache (20976). "
     "Try increasing `gpu_memory_utilization` or decreasing `max_model_len`.", "kv_cache",
     {"runtime": "vllm", "seq_len": 32768, "kv_cache_tokens": 20976}),
    ("vllm max len v1", "ValueError: To serve at least one request with the models's max seq len (65536), (8.00 GiB KV cache is needed, which is larger "
     "than the available KV cache memory (3.11 GiB). Based on the available memory, the estimated maximum model length is 25344.", "kv_cache",
     {"runtime": "vllm", "seq_len": 65536}),
    ("vllm free", "ValueError: Free memory on device (10.25/23.64 GiB) on startup is less than desired GPU memory utilization (0.9, 21.28 GiB). Decrease "
     "GPU memory utilization or reduce GPU memory used by other processes.", "vram_oom",
     {"runtime": "vllm", "gpu_free_gib": 10.25, "gpu_capacity_gib": 23.64, "gpu_memory_utilization": 0.9, "gpu_index": None}),
    ("vllm free with a name", "Free memory on device cuda:2 (1.5/44.4 GiB) on startup is less than desired GPU memory utilization (0.85, 37.7 GiB).",
     "vram_oom", {"gpu_index": 2, "gpu_free_gib": 1.5}),
    ("vllm warm-up", "RuntimeError: CUDA out of memory occurred when warming up sampler with 256 dummy requests. Please try lowering `max_num_seqs`.",
     "vram_oom", {"runtime": "vllm", "concurrency": 256}),
    ("vllm worker", "(VllmWorker rank=1 pid=77) ERROR 01-02 03:04:05 [multiproc_executor.py:375] torch.OutOfMemoryError: CUDA out of memory. Tried to "
     "allocate 1.00 GiB. GPU 1 has a total capacity of 23.57 GiB of which 500.00 MiB is free.", "vram_oom",
     {"runtime": "vllm", "gpu_index": 1, "tried_to_allocate_gib": 1.0}),
    ("vllm zero blocks", "INFO 04-05 06:07:08 llm_engine.py:275] # GPU blocks: 0, # CPU blocks: 512", "kv_cache", {"runtime": "vllm"}),
    ("vllm budget", "INFO 12-20 20:25:46 worker.py:241] the current vLLM instance can use total_gpu_memory (79.11GiB) x gpu_memory_utilization (0.90) = "
     "71.20GiB\nINFO 12-20 20:25:46 executor.py:57] # GPU blocks: 5000, # CPU blocks: 4096", "none",
     {"runtime": "vllm", "gpu_capacity_gib": 79.11, "gpu_memory_utilization": 0.9}),
    ("vllm negative budget", "model weights take 20.10GiB; non_torch_memory takes 0.30GiB; PyTorch activation peak memory takes 2.00GiB; the rest of the "
     "memory reserved for KV Cache is -1.13GiB.", "kv_cache", {}),
    ("sglang", "RuntimeError: Not enough memory. Please try to increase --mem-fraction-static.", "kv_cache", {"runtime": "sglang", "task": "inference"}),
    ("sglang graph", "Exception: Capture CUDA graph failed: CUDA out of memory. Tried to allocate 300.00 MiB. GPU 2 has a total capacity of 79.1",
     "vram_oom", {"runtime": "sglang", "gpu_index": 2, "gpu_capacity_gib": None}),
    ("tgi", "RuntimeError: Not enough memory to handle 2048 prefill tokens. You need to decrease `--max-batch-prefill-tokens`", "vram_oom",
     {"runtime": "tgi", "phase": "init"}),
    ("tgi total", "Not enough memory to handle 12288 total tokens with 4096 prefill tokens. You need to decrease `--max-batch-total-tokens`", "vram_oom",
     {"runtime": "tgi"}),
    ("trt-llm", "[TensorRT-LLM][ERROR] CUDA runtime error in ::cudaMallocAsync(ptr, n, mPool->getPool(), mCudaStream->get()): out of memory "
     "(/src/tensorrt_llm/runtime/tllmBuffers.h:112)", "vram_oom", {"runtime": "tensorrt"}),
    ("trt-llm executor", "RuntimeError: Executor creation failed due to insufficient GPU memory.\n\nThe following component could not be created: KV cache\n"
     "Total GPU memory (GiB): 79.25\nFree GPU memory before component creation attempt (GiB): 3.50", "vram_oom",
     {"runtime": "tensorrt", "gpu_capacity_gib": 79.25, "gpu_free_gib": 3.5}),
    ("tensorrt", "[TRT] [E] Requested amount of GPU memory (2147483648 bytes) could not be allocated. There may not be enough free memory.", "vram_oom",
     {"runtime": "tensorrt", "tried_to_allocate_gib": 2.0}),
    ("llama.cpp weights", "ggml_backend_cuda_buffer_type_alloc_buffer: allocating 15360.00 MiB on device 1: cudaMalloc failed: out of memory\n"
     "alloc_tensor_range: failed to allocate CUDA1 buffer of size 16106127360", "vram_oom",
     {"runtime": "llama.cpp", "tried_to_allocate_gib": 15.0, "gpu_index": 1, "phase": "load"}),
    ("llama.cpp cache", "allocating 8192.00 MiB on device 0: cudaMalloc failed: out of memory\nllama_kv_cache_init: failed to allocate buffer for kv cache",
     "vram_oom", {"runtime": "llama.cpp", "tried_to_allocate_gib": 8.0, "phase": "init"}),
    ("llama.cpp compute", "ggml_gallocr_reserve_n: failed to allocate CUDA0 buffer of size 1073741824", "vram_oom",
     {"tried_to_allocate_gib": 1.0, "phase": "init"}),
    ("llama.cpp rocm", "alloc_tensor_range: failed to allocate ROCm0 buffer of size 1073741824", "vram_oom", {"runtime": "llama.cpp", "gpu_index": 0}),
    ("llama.cpp 2023", "CUDA error 2 at ggml-cuda.cu:566: out of memory", "vram_oom", {"runtime": "llama.cpp"}),
    ("llama.cpp 2024", "CUDA error: out of memory\n  current device: 1, in function alloc at ggml-cuda.cu:291\n  cudaMalloc((void **) &ptr, look_ahead)",
     "vram_oom", {"runtime": "llama.cpp", "gpu_index": 1}),
    ("llama.cpp vulkan", "ggml_vulkan: Device memory allocation of size 2147483648 failed.\nggml_vulkan: Requested buffer size exceeds device memory "
     "allocation limit: ErrorOutOfDeviceMemory", "vram_oom", {"runtime": "llama.cpp", "tried_to_allocate_gib": 2.0}),
    ("llama.cpp pinned", "ggml_cuda_host_malloc: failed to allocate 1900,00 MiB of pinned memory: out of memory", "none", {"runtime": "llama.cpp"}),
    ("llama.cpp pool", "ggml_new_tensor_impl: not enough space in the context's memory pool (needed 536870912, available 268435456)", "other_error", {}),
    ("ollama ram", 'Error: 500: {"error":"model requires more system memory (22.4 GiB) than is available (15.1 GiB)"}', "host_oom",
     {"runtime": "ollama", "phase": "load", "task": "inference"}),
    ("ollama log", 'time=2025-02-03T04:05:06.7Z level=WARN source=server.go:540 msg="model request too large for system" requested="9.5 GiB" '
     'available="7.4 GiB" total="15.5 GiB" free="6.9 GiB" swap="0 B"', "host_oom", {"runtime": "ollama"}),
    ("ollama killed", "Error: llama runner process has terminated: signal: killed", "host_oom", {"runtime": "ollama"}),
    ("ollama cuda", "Error: llama runner process has terminated: CUDA error: out of memory", "vram_oom", {"runtime": "ollama"}),
    ("ctranslate2", "RuntimeError: CUDA failed with error out of memory", "vram_oom", {"runtime": "ctranslate2", "task": "inference"}),
    ("exllama", "RuntimeError: Insufficient VRAM in split for model and cache", "vram_oom", {"phase": "load", "task": "inference"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "kind", "facts"), CASES, ids=[case[0] for case in CASES])
def test_wording(check: Check, name: str, text: str, kind: str, facts: dict[str, object]) -> None:
    check(text, kind, **facts)  # type: ignore[arg-type]


def test_advice_about_memory_is_no_failure(see: See) -> None:
    text = "INFO 08-19 07:51:12 model_runner.py:1028] CUDA graphs can take additional 1~3 GiB memory per GPU. If you are running out of memory, lower it."
    assert see(text).failure[0] == "none"


def test_rollouts_of_a_trainer_train(check: Check) -> None:
    text = "(LLMRayActor pid=77) ValueError: No available memory for the cache blocks."
    check(text, "kv_cache", task="train", runtime="vllm")
