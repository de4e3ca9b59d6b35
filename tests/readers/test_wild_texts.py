"""Whole texts of the sort that people paste, read by all readers together: what is said, and what must not be concluded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from advisor.library import Library, load_library
from advisor.readers import read_all
from advisor.readers.document import Document
from advisor.readers.resolve import Resolution, resolve

Read = Callable[[str], Resolution]


@pytest.fixture(scope="module")
def read() -> Read:
    library: Library = load_library()
    return lambda text: resolve(read_all(Document.of(text), library))


# The text, the failure, facts that it states, facts that it must not be taken to state.
CASES: list[tuple[str, str | None, dict[str, Any], tuple[str, ...]]] = [
    ("RuntimeError:CUDA error : out of memory", "vram_oom", {}, ()),
    ("After two hours it stops with cuda_out_of_memory, the card has 24GB cuda_memory", "vram_oom", {"gpu_memory_gib": 24}, ()),
    ("I always get CUDA out of memeory with batch size 1", "vram_oom", {"batch_size": 1}, ()),
    ("it raises a CudaOutOfMemory exception on my 3090", "vram_oom", {"gpu_name": "RTX 3090"}, ()),
    ("qwen3 全参微调 npu oom 了", "vram_oom", {"runtime": "ascend"}, ()),
    ("昇腾910B npu8卡训练显存不足", "vram_oom", {"gpu_name": "Ascend 910B", "gpu_count": 8}, ("params_b",)),
    ("running into oom with lora on llama 3 70b on 8*a-100 (80gb)", "vram_oom", {"gpu_count": 8, "gpu_name": "A100-80GB"}, ()),
    ("when I use 8 5080 to run a 32B I get oom", "vram_oom", {"gpu_count": 8, "gpu_name": "RTX 5080", "params_b": 32}, ()),
    ("OOM, though I have 3090 images only and use 4090 steps", "vram_oom", {}, ("gpu_name",)),
    ("在3090张图片上训练,爆显存", "vram_oom", {}, ("gpu_name",)),
    ("the memory of my gpu is 6144M and it runs out of memory", "vram_oom", {"gpu_memory_gib": 6}, ()),
    ("only 8G video memory is used while sampling, decoding needs 16G and ends in OOM", "vram_oom", {}, ("gpu_memory_gib",)),
    ("VRAMが12Gしかありません。CUDA out of memory", "vram_oom", {"gpu_memory_gib": 12}, ()),
    ("2 A100 GPUs with 80GB of RAM each and still CUDA out of memory", "vram_oom", {"gpu_memory_gib": 80}, ("host_ram_gib",)),
    ("a 3070ti 8gb, 32gigs of ram: cuda out of memory", "vram_oom", {"gpu_memory_gib": 8, "host_ram_gib": 32}, ()),
    ("all jobs are killed because of a slurm out-of-memory error although I pass --mem 64G", "host_oom", {}, ()),
    ("Dreambooth OOM on 24GB VRAM. The script runs out of RAM on the first step.", "vram_oom", {}, ()),
    ("RuntimeError: CUDA out of memory. Tried to allocate more than 1EB memory.", "other_error", {}, ("tried_to_allocate_gib",)),
    ("Some NCCL operations have failed or timed out.", "other_error", {}, ()),
    # an open setting, denied or not there
    ("xformers: N/A\nRuntimeError: CUDA out of memory.", "vram_oom", {}, ("flash_attention",)),
    ("I run it without --fp16 and get CUDA out of memory.", "vram_oom", {}, ("precision",)),
    ("It OOMs even without the flag --gradient_checkpointing", "vram_oom", {}, ("precision",)),
    ("OOM with parameter offloading and optimizer offloading, zero stage 3", "vram_oom", {"offload": "both", "zero_stage": 3}, ()),
    ("应该不至于在max length=1024的情况下出现oom", "vram_oom", {"seq_len": 1024}, ()),
    # a sentence that goes on after a command or an error
    ("ollama run deepseek-r1:32b on 16GB 4060Ti", "none", {"gpu_name": "RTX 4060 Ti-16GB", "gpu_memory_gib": 16}, ()),
    ("vllm serve Qwen/Qwen2.5-7B on RTX 3090: CUDA out of memory", "vram_oom", {"gpu_name": "RTX 3090"}, ()),
    ("python train.py --gradient_checkpointing true OOM", "vram_oom", {"gradient_checkpointing": True}, ()),
    ("torch.OutOfMemoryError: CUDA out of memory. RTX 4090", "vram_oom", {"gpu_name": "RTX 4090"}, ()),
    # lists of words
    ("LLaMA-Factory, 4090, qwen2.5-7b, CUDA out of memory", "vram_oom", {"gpu_name": "RTX 4090", "params_b": 7}, ()),
    ("iteration, 4090, 3090, 5090, CUDA out of memory", "vram_oom", {}, ("gpu_name",)),
    ("Qwen2.5-72B-Instruct int4: OOM", "vram_oom", {"quantization": "4bit", "params_b": 72}, ()),
    ("13b q4_k_m gguf: CUDA out of memory", "vram_oom", {"quantization": "4bit", "params_b": 13}, ()),
    ("Can I fit a 70B in 24GB?", "question", {"gpu_memory_gib": 24, "params_b": 70}, ()),
    ("It fits in 30GB of disk; CUDA out of memory", "vram_oom", {}, ("gpu_memory_gib",)),
    ("两张显卡，各16G，推理报显存不足的错误", "vram_oom", {"gpu_count": 2, "gpu_memory_gib": 16}, ()),
    ("verl grpo 7B, rollout n=16: OOM", "vram_oom", {"framework": "verl", "num_generations": 16}, ()),
    ("Here is my environment:\ngpu: nvidia 2080 TI\nos: Ubuntu 18.04\nCUDA out of memory.", "vram_oom", {"gpu_name": "RTX 2080 Ti"}, ()),
    ("gpu: 0\ngpu: cuda:0\nCUDA out of memory.", "vram_oom", {}, ("gpu_name", "gpu_count")),
    ("batch设为1，还是报OOM", "vram_oom", {"batch_size": 1}, ()),
    ("I'm using 4 RTX 24G GPUs. CUDA out of memory", "vram_oom", {"gpu_count": 4, "gpu_memory_gib": 24}, ()),
    # packages that are installed, not used
    ("pip install flash-attn fails. Before, it ran into OOM.", "vram_oom", {}, ("flash_attention",)),
    ("I was trying to build FlashAttention 3 on H100", "none", {}, ("flash_attention",)),
    # what changes say of themselves
    ('Many of you will no longer get "Out of memory errors"', "none", {}, ()),
    ("It used to be out of memory but with your fix it works now, thanks!", "none", {}, ()),
    ("This PR documents how the OOM killer is avoided; the limit is checked before.", "none", {}, ()),
    ("I tried this PR and my training still ends in OOM", "vram_oom", {"task": "train"}, ()),
    # Python's own error is of the host's memory
    ('Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n    x = load()\nMemoryError', "host_oom", {}, ()),
    ("RuntimeError: Caught MemoryError in DataLoader worker process 0.", "host_oom", {}, ()),
    ("I get a MemoryError when loading the dataset", "host_oom", {"phase": "load"}, ()),
    ("MemoryError: Cannot allocate write+execute memory for ffi.callback()", "other_error", {}, ()),
    ("MemoryError: std::bad_alloc: out_of_memory: CUDA error at: /rmm/mr/device/cuda_memory_resource.hpp", "vram_oom", {}, ()),
    ("torch.cuda.OutOfMemoryError: CUDA out of memory.", "vram_oom", {}, ()),
    # words that only look like settings
    ("We copy the files by sftp to our house.", "none", {}, ("task", "method")),
    ("Out of memory: swapexists, getcontext = 4096, escapesequence = 64", "vram_oom", {}, ("precision", "seq_len")),
    ("OOM, context: 24 GB of it", "vram_oom", {}, ("seq_len",)),
    ("OOM at context 4096", "vram_oom", {"seq_len": 4096}, ()),
    ("OOM with maxseqlen=512 and apex", "vram_oom", {"seq_len": 512, "precision": "amp-fp16"}, ()),
    # words that end like the error
    ("I need more room for training data in my bathroom, zoom in", "none", {}, ()),
    ("Enable OOMKillStep in slurm config by default", "none", {}, ()),
    ("The system memory has more room when I zoom", "none", {}, ()),
    ("Our jobs on the cluster get OOM killed", "host_oom", {}, ()),
    ("一直oom，batch size 1", "vram_oom", {"batch_size": 1}, ()),
    # tables that cut names
    (
        "|   0  GeForce GTX 108...  Off  | 00000000:02:00.0 Off |\n| 0%  28C  P0  58W / 250W |  0MiB / 11178MiB |",
        "none", {"gpu_name": "GTX 1080 Ti"}, (),
    ),
    (
        "|   0  GeForce RTX 309...  Off  | 00000000:02:00.0 Off |\n| 0%  28C  P0  58W / 250W |  0MiB / 24576MiB |",
        "none", {"gpu_capacity_gib": 24}, ("gpu_name",),
    ),
    # of two cards the one that was measured
    (
        "CUDA out of memory. Tried to allocate 2.74 GiB (GPU 0; 10.91 GiB total capacity; 6.10 GiB already allocated)\n\n"
        "I use a 1080 Ti and have even tried to use a V100(16G) but it is the same error",
        "vram_oom", {"gpu_name": "GTX 1080 Ti"}, (),
    ),
    # a folded traceback is no film
    ("trainer.train()\n\n13 frames\nOutOfMemoryError: CUDA out of memory.", "vram_oom", {}, ("num_frames",)),
    # adapters that are used, and such that are trained
    ("wan 2.2 with lightx lora in my workflow: MPS backend out of memory", "vram_oom", {}, ("method",)),
    ("wan 2.2 lora training with musubi-tuner: CUDA out of memory", "vram_oom", {"method": "lora", "task": "train"}, ()),
    # conditions and comparisons
    ("Even when I use a local 48GB of VRAM at a resolution of 768 it runs out of memory", "vram_oom", {"gpu_memory_gib": 48}, ()),
    ("OOM at 768; should I train at 1024, as is done with sdxl?", "vram_oom", {}, ("model",)),
    ("Is it because optimizations like xformers have not yet been implemented? It ends in OOM.", "vram_oom", {}, ()),
    ("每步都在涨,内存会随着训练步数增多而增大,直到占满内存", "host_oom", {}, ()),
    ("as training goes on the system memory skyrockets and ray reports an out of memory error", "host_oom", {}, ()),
    ("2节点,每节点上8卡训 7b,显存不足", "vram_oom", {"gpu_count": 16, "params_b": 7}, ()),
    # reports of the environment
    ("- GPU type: NVIDIA A800-SXM4-80GB\n- GPU number: 4\nCUDA out of memory.", "vram_oom", {"gpu_name": "A800-80GB", "gpu_count": 4}, ()),
    ("GPU 0,1,2: NVIDIA GeForce RTX 3090\nCUDA out of memory.", "vram_oom", {"gpu_name": "RTX 3090", "gpu_count": 3}, ()),
    ("OOM on a single GPU\n\nGPU 0: NVIDIA L40S\nGPU 1: NVIDIA L40S", "vram_oom", {"gpu_name": "L40S", "gpu_count": 1}, ()),
    # questions that need an answer, not advice that is given
    ("Is 12gb enough to finetune a 3b model?", "question", {"gpu_memory_gib": 12, "params_b": 3}, ()),
    ("How many A100 (40GB) are required to tune a 13B model (full parameter)?", "question", {"params_b": 13, "method": "full"}, ()),
    ("I'm wondering what's the VRAM needed for LoRA fine tuning the 7B model?", "question", {"method": "lora", "params_b": 7}, ()),
    ("How much VRAM do you need to train a SDXL LoRA with Kohya GUI?", "question", {"framework": "kohya", "model": "SDXL"}, ()),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind", "facts", "absent"), CASES, ids=[case[0][:60] for case in CASES])
def test_what_is_said(read: Read, text: str, kind: str | None, facts: dict[str, Any], absent: tuple[str, ...]) -> None:
    seen = read(text)
    assert seen.failure[0] == kind
    for fact, value in facts.items():
        assert seen.facts.get(fact) == (pytest.approx(value) if isinstance(value, float | int) else value), fact
    for fact in absent:
        assert fact not in seen.facts, f"{fact}: {seen.facts.get(fact)}"


TOTALS: list[tuple[str, int | None]] = [
    ("DeepSpeed ZeRO-2 on 8 GPUs with train_batch_size 64 and gradient accumulation 2, still OOM", 4),
    ('{"train_batch_size": 64, "gradient_accumulation_steps": 2, "zero_optimization": {"stage": 2}}\nOOM on 4 GPUs', 8),
    ("global batch size 32, gradient accumulation 4, 2x A100 80G, OOM", 4),
    ("deepspeed zero3 with train_batch_size=16 runs out of memory", None),  # of how many devices nobody says
    ("deepspeed on 3 GPUs, train_batch_size 16, gradient accumulation 1: OOM", None),  # can't be
    (
        "deepspeed with train_batch_size 64 on 8 GPUs, gradient accumulation 2, micro batch size 4",
        4,
    ),
    ("sd-scripts with train_batch_size 4 and deepspeed: OOM", 4),
    ("global batch size 512 with tensor parallel 8 on 64 GPUs, gradient accumulation 8: OOM", None),
]


@pytest.mark.parametrize(("text", "batch"), TOTALS, ids=[text[:50] for text, _ in TOTALS])
def test_the_batch_of_all_devices_is_shared(read: Read, text: str, batch: int | None) -> None:
    assert read(text).facts.get("batch_size") == batch


_TRL = '\n  File "/opt/env/lib/python3.11/site-packages/trl/trainer/sft_trainer.py", line 402, in compute_loss\nCUDA out of memory.'
_PEFT = '\n  File "/opt/env/lib/python3.11/site-packages/peft/peft_model.py", line 402, in forward\nCUDA out of memory.'
PROGRAMS: list[tuple[str, str | None]] = [
    ("Fine-tuning a VLM with ms-swift." + _TRL, "ms-swift"),
    ("using LLaMA-Factory on 2x3090" + _TRL, "llama-factory"),
    ("I'm using unsloth to fine tune a 7B" + _PEFT, "unsloth"),
    ("It happens in my own script." + _TRL, "trl"),
    ("DPO with trl." + _PEFT, "trl"),
    ("Training with deepspeed zero3 through LLaMA-Factory, out of memory", "llama-factory"),
    ("loading unsloth/Qwen3-8B-bnb-4bit runs out of memory", None),
    ("GRPO on verl, vLLM's wake_up runs out of memory", "verl"),
    ("During a GRPO experiment I got OOM when waking up vLLM", None),
    ("kohya fails with OOM at 15 GB. Same settings on OneTrainer uses less than 13 GB.", "kohya"),
    ("使用两张A6000跑ms-swift报oom,同样的参数用llama-factory没有问题", "ms-swift"),
    ("python tools/infer/predict_det.py --det_model_dir ./ch_PP-OCRv4_det_infer\nOut of memory error on GPU 0.", "paddleocr"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "framework"), PROGRAMS, ids=[text[:50] for text, _ in PROGRAMS])
def test_the_program_that_ran(read: Read, text: str, framework: str | None) -> None:
    assert read(text).facts.get("framework") == framework


def test_llama_cpp_speaks_for_itself(read: Read) -> None:
    seen = read(
        "# tried to allocate 280 GB on cuda device 0 (OOM)\n"
        "load_tensors:        CUDA0 model buffer size =  9000.00 MiB\n"
        "load_tensors:        CUDA1 model buffer size =  8000.00 MiB\n"
        "ggml_backend_cuda_buffer_type_alloc_buffer: allocating 278528.00 MiB on device 0: cudaMalloc failed: out of memory"
    )
    assert (seen.facts["runtime"], seen.facts["gpu_count"], seen.facts["tried_to_allocate_gib"]) == (
        "llama.cpp",
        2,
        272,
    )


def test_buffers_of_the_processor_are_ram(read: Read) -> None:
    seen = read(
        "llama_new_context_with_model: n_ctx = 1048576\n"
        "ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer of size 137438953504\n"
        "llama_kv_cache_init: failed to allocate buffer for kv cache"
    )
    assert seen.failure[0] == "host_oom"


def test_a_sentence_around_a_quoted_message_is_heard(read: Read) -> None:
    seen = read(
        "Same issue here (No available memory for the cache blocks) when I run a 33B model on two L40 GPUs (48G)"
    )
    assert (seen.facts["gpu_name"], seen.facts["gpu_count"], seen.failure[0]) == ("L40", 2, "kv_cache")


def test_a_title_is_heard_above_a_log(read: Read) -> None:
    seen = read(
        "# [Bug]: 4 * 2080ti 22G Qwen3-32B Fail\n"
        '(EngineCore_DP0 pid=350)   File "/env/lib/python3.12/site-packages/vllm/v1/engine/core.py", line 120, in __init__\n'
        "(EngineCore_DP0 pid=350) ValueError: No available memory for the cache blocks."
    )
    assert (seen.facts["gpu_count"], seen.facts["gpu_memory_gib"], seen.facts["params_b"]) == (4, 22, 32)


def test_a_device_without_a_number(read: Read) -> None:
    seen = read(
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 336.00 MiB. GPU  has a total capacity of 79.15 GiB of which "
        "141.25 MiB is free."
    )
    assert seen.facts["gpu_capacity_gib"] == pytest.approx(79.15)
    assert "gpu_index" not in seen.facts


def test_a_script_fills_in_its_configuration(read: Read) -> None:
    seen = read('STAGE=2\ncat <<EOT > ds.json\n{"zero_optimization": {"stage": ${STAGE}}}\nEOT\ndeepspeed train.py')
    assert seen.facts["zero_stage"] == 2
