"""Techniques that are on, off, asked about or advised, in both languages."""

from __future__ import annotations

from typing import Any

import pytest

from advisor.facts import FactValue
from advisor.readers.prose import techniques

from .conftest import See

CASES: list[tuple[str, dict[str, FactValue]]] = [
    ("Full fine-tuning of a 7B model with bf16", {"method": "full", "precision": "bf16"}),
    ("全参数微调爆显存", {"method": "full"}),
    ("全量微调 7B 需要多大显存?", {"method": "full"}),
    ("full parameter sft OOM", {"method": "full"}),
    ("LoRA fine-tuning fails", {"method": "lora"}),
    ("用qlora微调还是不行", {"method": "qlora"}),
    ("LoRA 可以跑,换成 QLoRA 之后就 OOM", {"method": "qlora"}),
    ("DreamBooth training of SDXL", {"method": "dreambooth"}),
    ("Can I do full fine-tuning on 24 GB?", {"method": "full"}),
    ("gradient checkpointing is enabled", {"gradient_checkpointing": True}),
    ("开了梯度检查点还是爆显存", {"gradient_checkpointing": True}),
    ("没有开梯度检查点", {"gradient_checkpointing": False}),
    ("I didn't enable gradient checkpointing", {"gradient_checkpointing": False}),
    ("without activation checkpointing", {"gradient_checkpointing": False}),
    ("I can't use gradient checkpointing because of a bug", {"gradient_checkpointing": False}),
    ("不能开梯度检查点", {"gradient_checkpointing": False}),
    ("Following the README I enabled ZeRO-3, still OOM", {"zero_stage": 3}),
    ("请问全参微调,双卡4090,zero2 能不能跑?", {"method": "full", "zero_stage": 2}),
    ("CUDA out of memory even in 8-bit", {"quantization": "8bit"}),
    ("gradient_checkpointing=False because of an error", {"gradient_checkpointing": False}),
    ("除了 gradient checkpointing 还有什么办法?", {"gradient_checkpointing": True}),
    ("ZeRO-3 with CPU offload and flash attention 2", {"zero_stage": 3, "offload": "both", "flash_attention": True}),
    ("deepspeed stage 2", {"zero_stage": 2}),
    ("用了zero2 offload", {"zero_stage": 2, "offload": "optimizer"}),
    ("配置是 ds_config_zero3.json", {"zero_stage": 3}),
    ("offload_optimizer 和 offload_param 都设成了 cpu", {"offload": "both"}),
    ("开了 zero3,没开 offload", {"zero_stage": 3, "offload": "none"}),
    ("FSDP full shard", {"fsdp": True}),
    ("not using FSDP", {"fsdp": False}),
    ("loaded in 4-bit with bitsandbytes", {"quantization": "4bit"}),
    ("the model is quantized to int8", {"quantization": "8bit"}),
    ("a GPTQ model", {"quantization": "gptq"}),
    ("AWQ 量化模型", {"quantization": "awq"}),
    ("the weights are in fp16", {"precision": "fp16"}),
    ("bf16 mixed precision", {"precision": "amp-bf16"}),
    ("半精度训练", {"precision": "fp16"}),
    ("8-bit Adam as the optimizer", {"optimizer": "adamw_8bit"}),
    ("with Adafactor it still fails", {"optimizer": "adafactor"}),
    ("paged AdamW 8bit", {"optimizer": "paged_adamw_8bit"}),
    ("xformers is installed and used", {"flash_attention": True}),
    ("My card does not support flash attention.", {"flash_attention": False}),
    ("V100 上 flash_attn 不支持,只能用 eager", {"flash_attention": False}),
    ("冻结了视觉部分,只训练语言模型", {"frozen": ["vision"]}),
]
ABSENT: list[tuple[str, str]] = [
    ("Should I use LoRA?", "method"),
    ("Would QLoRA help?", "method"),
    ("(maintainer) please use zero3", "zero_stage"),
    ("You should enable gradient checkpointing", "gradient_checkpointing"),
    ("建议开启梯度检查点", "gradient_checkpointing"),
    ("How do I turn on flash attention?", "flash_attention"),
    ("是否支持 QLoRA?", "method"),
    ("8-bit Adam", "quantization"),
    ("16bit", "quantization"),
    ("Is it zero2 or zero3 that I need?", "zero_stage"),
    ("ZeRO-2 uses more memory than ZeRO-1", "zero_stage"),
    ("trained without LoRA", "method"),
    ("RuntimeError: expected scalar type Half but found fp16", "precision"),
    ('  File "flash_attention.py", line 3, in forward', "flash_attention"),
    ("如果用 zero3 会不会好一点?", "zero_stage"),
    ("bf16 or fp16?", "precision"),
    ("Can I use LoRA to fit it?", "method"),
    ("The docs say ZeRO-3 is needed", "zero_stage"),
    ("My friend uses QLoRA", "method"),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_what_is_on(see: See, text: str, expected: dict[str, Any]) -> None:
    facts = see(techniques, text)
    assert {fact: facts.get(fact) for fact in expected} == expected


@pytest.mark.parametrize(("text", "fact"), ABSENT)
def test_what_is_only_spoken_of(see: See, text: str, fact: str) -> None:
    assert fact not in see(techniques, text)
