# ruff: noqa: E501 - one situation a line
"""What a maintainer would say first: for a situation, remedies that must be among the first three, from text to ranking."""

from __future__ import annotations

import pytest

from advisor.engine import Engine
from advisor.library import load_library
from advisor.plan.memory import memory_fields
from advisor.plan.rank import Weights, candidates_of
from advisor.readers import read_all
from advisor.readers.document import Document
from advisor.readers.resolve import resolve

LIBRARY = load_library()
ENGINE = Engine(LIBRARY.rules)
OOM = "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 512.00 MiB (GPU 0; 23.69 GiB total capacity; 21.90 GiB already allocated; 200.00 MiB free; 22.40 GiB reserved in total by PyTorch)"

SITUATIONS = {
    "bare training": ("Training my network ends with\n" + OOM, "reduce_batch_size"),
    "detector with many boxes": ("Training with mmdetection on crowd images, many objects per image\n  overlaps = bbox_overlaps(gt_bboxes, anchors)\n" + OOM, "assign_on_cpu"),
    "benchmark mode": ("Training: torch.backends.cudnn.benchmark = True\n  return F.conv2d(input, weight)\n" + OOM, "disable_cudnn_benchmark"),
    "leak": ("GPU memory grows slowly during training until it dies after 40 epochs. total_loss += loss\n" + OOM, "detach_loss"),
    "evaluation": ("Training is fine, but during evaluation it goes out of memory\n  File trainer.py in evaluation_loop\n" + OOM, "eval_accumulation"),
    "validation without no_grad": ("GPU memory increases with every validation batch until nothing is left.\nRuntimeError: CUDA out of memory in validation_step", "no_grad_inference"),
    "resume": ("When I resume training from a checkpoint it runs out of CUDA memory; from scratch it works.", "load_checkpoint_on_cpu"),
    "zombie": ("CUDA out of memory although nothing runs. A killed process still holds the GPU memory", "kill_other_processes"),
    "a colleague": ("CUDA error: out of memory. Someone else runs another job on the same GPU", "kill_other_processes"),
    "busy server card": ("ValueError: Free memory on device (3.1/23.6 GiB) on startup is less than desired GPU memory utilization (0.9, 21.2 GiB). vllm", "kill_other_processes"),
    "no cache blocks": ("ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing the engine. vllm serve", "raise_gpu_memory_utilization"),
    "long model length": ("ValueError: The model's max seq len (131072) is larger than the maximum number of tokens that can be stored in KV cache (21232). vllm", "reduce_max_model_len"),
    "sampler warm-up": ("RuntimeError: CUDA out of memory occurred when warming up sampler with 1024 dummy requests. Please try lowering `max_num_seqs` or `gpu_memory_utilization`. vllm serve", "reduce_max_num_seqs"),
    "graphs": ("vllm serve: torch.OutOfMemoryError: CUDA out of memory while Capturing CUDA graphs", "enforce_eager"),
    "sglang": ("python -m sglang.launch_server --mem-fraction-static 0.9: CUDA out of memory", "reduce_kv_cache_fraction"),
    "tgi": ("text-generation-inference: CUDA out of memory with --max-batch-total-tokens 64000", "reduce_batch_total_tokens"),
    "llama.cpp": ("llama.cpp: ggml_cuda: cudaMalloc failed: out of memory, -ngl 99 -c 32768", "reduce_gpu_layers"),
    "exllama split": ("exllamav2 --gpu-split 23,23: CUDA out of memory on the second card", "lower_gpu_split"),
    "image at once": ("diffusers inference, Flux on a 12 GB card: CUDA out of memory when generating an image", "cpu_offload"),
    "decoder": ("Stable Diffusion generation: CUDA out of memory at the end in vae.decode", "tiled_vae"),
    "image lora": ("kohya SDXL LoRA training on 12 GB: CUDA out of memory", "gradient_checkpointing"),
    "grpo": ("GRPO training of Qwen2.5-3B with num_generations 8: CUDA out of memory", "reduce_num_generations"),
    "grpo with an engine": ("GRPO with use_vllm and vllm_gpu_memory_utilization 0.9: CUDA out of memory in the backward pass", "reduce_gpu_memory_utilization"),
    "one card full": ("Full fine-tuning of Llama-2-7B on a single RTX 4090 (24GB): CUDA out of memory", "lora"),
    "four cards replicated": ("Full fine-tuning of Llama-2-7B with torchrun on 4 A100 80GB gpus: CUDA out of memory. Full finetune, no deepspeed", "zero3"),
    "zero2": ("Full fine-tuning Llama-2-13B with deepspeed ZeRO-2 on 4 x A100-40GB: CUDA out of memory", "zero_offload"),
    "zero3": ("Full fine-tuning Llama-2-13B with deepspeed ZeRO-3 on 4 x A100-40GB: CUDA out of memory", "zero3_offload"),
    "video": ("Fine-tuning Qwen2-VL-7B with LoRA on videos: CUDA out of memory", "reduce_image_tokens"),
    "zh images": ("用 LoRA 微调 MiniCPM-V-2_6，图片分辨率很高，显存不足 OOM", "reduce_image_tokens"),
    "long text": ("LoRA fine-tuning of Qwen2-7B, batch size 1, sequence length 16384: CUDA out of memory", "reduce_seq_len"),
    "logits": ("Fine-tuning Llama-3-8B with LoRA: out of memory in\n    loss = F.cross_entropy(shift_logits, shift_labels)\n" + OOM, "chunked_loss"),
    "dpo": ("DPO full fine-tuning of an 8B model with a reference model: CUDA out of memory", "drop_ref_model"),
    "jax": ("jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate 9663676416 bytes. jax training", "xla_preallocate_off"),
    "mps": ("RuntimeError: MPS backend out of memory (MPS allocated: 8.10 GB, other allocations: 5.2 GB, max allowed: 13.57 GB). Tried to allocate 1.0 GB", "mps_watermark"),
    "compile": ("Training with torch.compile runs out of CUDA memory, eager works\n  torch/_inductor/compile_fx.py\n", "torch_compile_off"),
    "regression": ("After updating to the latest version training goes CUDA out of memory; it worked in the previous version", "upgrade_version"),
    "pinned": ("RuntimeError: CUDA out of memory in pin_memory thread, DataLoader(pin_memory=True)", "disable_pin_memory"),
    "shm": ("RuntimeError: DataLoader worker (pid 412) is killed by signal: Bus error. It is possible that dataloader's workers are out of shared memory.", "increase_shm"),
    "killed": ("The training process was killed. dmesg: Out of memory: Killed process 4411 (python) anon-rss:63012344kB", "reduce_workers_host_ram"),
    "killed while loading": ("Loading checkpoint shards:  40%|####      | 2/5\nKilled\n(the machine ran out of RAM while loading the model)", "load_low_cpu_mem"),
    "paging file": ("OSError: [WinError 1455] The paging file is too small for this operation to complete.", "increase_swap"),
    "heap": ("java.lang.OutOfMemoryError: Java heap space", "jvm_heap"),
    "disk": ("OSError: [Errno 28] No space left on device", "free_disk"),
    "driver": ("RuntimeError: The NVIDIA driver on your system is too old (found version 11040).", "update_driver"),
    "assertion": ("RuntimeError: CUDA error: device-side assert triggered", "not_memory_related"),
    "triton": ("triton.runtime.errors.OutOfResources: out of resource: shared memory, Required: 147456, Hardware limit: 101376", "fix_config"),
    "question": ("Can I fully fine-tune a 13B model on one RTX 3090?", "qlora"),
    "zh question": ("请问全参数微调 7B 模型需要多大显存？一张 4090 够吗？", "lora"),
}  # fmt: skip


def advice(text: str) -> list[str]:
    seen = resolve(read_all(Document.of(text), LIBRARY))
    fields = {**seen.facts, "kind": seen.failure[0], **memory_fields(seen.facts)}
    fields |= {f"signal.{name}": True for name in seen.signals} | {f"tried.{name}": True for name in seen.tried}
    weights = Weights.of(LIBRARY.settings["ranking"])
    return [item.remedy.id for item in candidates_of(ENGINE.run(fields), LIBRARY.remedies, weights=weights)]


@pytest.mark.parametrize(("text", "remedy"), SITUATIONS.values(), ids=list(SITUATIONS))
def test_first_three(text: str, remedy: str) -> None:
    assert remedy in advice(text)[:3]
