"""Batch, accumulation, length, resolution and the like in sentences of both languages, with near misses."""

from __future__ import annotations

from typing import Any

import pytest

from advisor.facts import FactValue
from advisor.readers.prose import sizes

from .conftest import See

CASES: list[tuple[str, dict[str, FactValue]]] = [
    ("7b qlora bs=1 seq 4096 is OOM", {"batch_size": 1, "seq_len": 4096}),
    ("with a batch size of 4 it crashes", {"batch_size": 4}),
    ("batch_size设为1还是爆显存", {"batch_size": 1}),
    ("批次大小16,梯度累积步数为4", {"batch_size": 16, "grad_accum": 4}),
    ("单卡batch 2 就爆", {"batch_size": 2}),
    ("per-device batch size 2, gradient accumulation steps of 8", {"batch_size": 2, "grad_accum": 8}),
    ("I lowered the batch size from 8 to 4, same error", {"batch_size": 4}),
    ("batch size 从 8 降到 2 也不行", {"batch_size": 2}),
    ("At batch size 8 it was OOM. At batch size 2 it was OOM as well.", {"batch_size": 2}),
    ("even the batch size is one", {"batch_size": 1}),
    ("Batch size: 16 (2 per gpu)", {"batch_size": 2}),
    ("I can't even run a batch of 1", {"batch_size": 1}),
    ("我把 batch size 改成 1 了", {"batch_size": 1}),
    ("If I use batch size 8 it runs out of memory", {"batch_size": 8}),
    ("max length 2048, 8k context does not fit", {"seq_len": 8192}),
    ("LoRA on Qwen2.5-7B with one 4090, batch size 4, 2048 tokens. Does it fit?", {"batch_size": 4, "seq_len": 2048}),
    ("QLoRA, batch 2, 4k tokens, one 3090", {"batch_size": 2, "seq_len": 4096}),
    ("7B 全参,batch 1,4096 tokens,单卡", {"batch_size": 1, "seq_len": 4096}),
    ("we trained on 3 samples, 2048 tokens per second, then OOM", {}),
    ("it wrote 300 tokens, then died", {}),
    ("pretrained on 2 corpora, 2000000 tokens, and then OOM", {}),
    ("上下文32k 推理爆显存", {"seq_len": 32768}),
    ("序列长度512", {"seq_len": 512}),
    ("sequences of up to 65,536-token sequences", {"seq_len": 65536}),
    ("cutoff_len 设置为 8192", {"seq_len": 8192}),
    ("at 1024x1024 resolution it is OOM", {"image_resolution": "1024x1024"}),
    ("448×448的图片", {"image_resolution": "448x448"}),
    ("images of 512 px", {"image_resolution": "512"}),
    ("images resized from 1080x1920 to 320x640, still OOM", {"image_resolution": "320x640"}),
    ("num_generations=8 and group size of 8", {"num_generations": 8}),
    ("8 completions per prompt", {"num_generations": 8}),
    ("LoRA with rank 64", {"lora_rank": 64}),
    ("lora r=16, alpha=32", {"lora_rank": 16}),
    ("LoRA 的秩为 8", {"lora_rank": 8}),
    ("4 images per sample", {"images_per_sample": 4}),
    ("81 frames per clip", {"num_frames": 81}),
    ("gpu_memory_utilization is set to 0.9", {"gpu_memory_utilization": 0.9}),
    ("max_model_len of 32768 does not fit", {"max_model_len": 32768}),
    ("16 concurrent requests", {"concurrency": 16}),
    ("并发数为 32", {"concurrency": 32}),
]
ABSENT: list[tuple[str, str]] = [
    ("a total batch size of 256", "batch_size"),
    ("全局 batch size 64", "batch_size"),
    ("eval batch size 4", "batch_size"),
    ("it crashes on batch size greater than 1", "batch_size"),
    ("Should I set the batch size to 1?", "batch_size"),
    ("You should use batch size 1", "batch_size"),
    ("如果 batch size 设为 1 能跑吗?", "batch_size"),
    ("batches are large", "batch_size"),
    ("max_new_tokens 512 new tokens", "seq_len"),
    ("tensor of shape 4096x4096", "image_resolution"),
    ("rank 3 crashed, LoRA is on", "lora_rank"),
    ("rank 64", "lora_rank"),
    ("  --batch_size 4 \\\n  --lr 1e-4", "batch_size"),
    ("batch_size: 4\nlr: 0.1", "batch_size"),
    ("step 4096 of the training", "seq_len"),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_a_size_that_is_said(see: See, text: str, expected: dict[str, Any]) -> None:
    facts = see(sizes, text)
    assert {fact: facts.get(fact) for fact in expected} == expected


@pytest.mark.parametrize(("text", "fact"), ABSENT)
def test_a_size_that_is_not_said(see: See, text: str, fact: str) -> None:
    assert fact not in see(sizes, text)
