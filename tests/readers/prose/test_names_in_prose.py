"""Models and programs that sentences name."""

from __future__ import annotations

from typing import Any

import pytest

from advisor.facts import FactValue
from advisor.readers.prose import frameworks, model_names

from .conftest import See

MODELS: list[tuple[str, dict[str, FactValue]]] = [
    ("fine-tuning Qwen2.5-VL-7B-Instruct is OOM", {"model": "Qwen2.5-VL-7B-Instruct", "params_b": 7}),
    ("a 13B llama with LoRA", {"params_b": 13}),
    ("llama 3 8b qlora OOM", {"model": "llama 3 8b", "params_b": 8}),
    ("微调70B参数的模型", {"params_b": 70}),
    ("InternVL3 8B 训练爆显存", {"model": "InternVL3 8B", "params_b": 8}),
    ("7b qlora bs=1", {"params_b": 7}),
    ("SDXL training fails", {"model": "SDXL"}),
    ("whisper-large-v3 fine-tuning", {"model": "whisper-large-v3"}),
    ("I tried the 2B model and that is fine, but Qwen2-VL-7B is OOM", {"model": "Qwen2-VL-7B", "params_b": 7}),
    ("post-training of Zephon 2B on 4 GPUs fails", {"model": "Zephon 2B", "params_b": 2}),
    ("利用Foonet2进行微调", {"model": "Foonet2"}),
    ("gemma3:27b in ollama does not load", {"params_b": 27}),
]
NO_MODEL: list[tuple[str, str]] = [
    ("16 GB and 2b or not", "params_b"),
    ("trained on 15B tokens", "params_b"),
    ("My GPU is out of memory", "model"),
    ("Fine-tuning a 7B model", "model"),
    ("How do I finetune 2b 4b 8b models?", "params_b"),
    ("train on H100", "model"),
    ("训练 YOLOv8m", "params_b"),
]
FRAMEWORKS: list[tuple[str, str, int]] = [
    ("using LLaMA-Factory to fine-tune", "llama-factory", 40),
    ("用xtuner微调", "xtuner", 40),
    ("axolotl and deepspeed, OOM", "axolotl", 40),
    ("I use kohya_ss to train a LoRA", "kohya", 40),
    ("training with deepspeed zero2 fails", "deepspeed", 25),
    ("unsloth on Colab", "unsloth", 40),
    ("ComfyUI crashes", "comfyui", 40),
    ("用 ms-swift 训练", "ms-swift", 40),
    ("the OpenRLHF example", "openrlhf", 40),
    ("using accelerate and TRL", "trl", 40),
]
NO_FRAMEWORK = [
    "this will accelerate training",
    "two transformers in the model",
    "a swift answer would be nice",
    "lightning fast",
    "Mistral Nemo is a model",
    "not using LLaMA-Factory",
    "I forge ahead",
]


@pytest.mark.parametrize(("text", "expected"), MODELS)
def test_the_model(see: See, text: str, expected: dict[str, Any]) -> None:
    facts = see(model_names, text)
    assert {fact: facts.get(fact) for fact in expected} == expected


@pytest.mark.parametrize(("text", "fact"), NO_MODEL)
def test_no_model(see: See, text: str, fact: str) -> None:
    assert fact not in see(model_names, text)


@pytest.mark.parametrize(("text", "name", "rank"), FRAMEWORKS)
def test_the_program(library: Any, text: str, name: str, rank: int) -> None:
    from advisor.readers.document import Document

    found, *_ = frameworks.read(Document.of(text), library)
    assert (found.value, found.rank) == (name, rank)


@pytest.mark.parametrize("text", NO_FRAMEWORK)
def test_no_program(see: See, text: str) -> None:
    assert "framework" not in see(frameworks, text)
