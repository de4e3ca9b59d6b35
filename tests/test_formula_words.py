"""Every formula of an estimate has its Chinese words; symbols, units and names of software stay."""

from __future__ import annotations

from typing import Any

import pytest
import re2

from advisor.estimate import estimate
from advisor.formula_words import formula, warning
from advisor.library import load_library

LIBRARY = load_library()
_STAY = {
    "params", "bytes", "layers", "tokens", "trained", "vocab", "share", "capacity", "context", "sequences", "batch", "kept", "token",
    "logit", "logits", "log_softmax", "autocast", "checkpoint", "foreach", "cuBLAS", "MiB", "fp32", "h", "v", "f", "size", "adamw",
    "batch size",
}  # fmt: skip
_TRAIN = {"task": "train", "batch_size": 2, "precision": "bf16", "optimizer": "adamw"}
RUNS: list[dict[str, Any]] = [
    {**_TRAIN, "model": "Qwen2.5-7B", "method": "full", "gradient_checkpointing": True, "seq_len": 2048},
    {**_TRAIN, "model": "Qwen2.5-7B", "method": "lora", "seq_len": 2048, "parallelism": "zero3", "gpu_count": 4},
    {**_TRAIN, "model": "Qwen2.5-7B", "method": "qlora", "seq_len": 512, "framework": "trl"},
    {
        **_TRAIN,
        "model": "Qwen2.5-7B",
        "method": "ppo",
        "seq_len": 512,
        "framework": "trl",
        "gpu_count": 8,
        "parallelism": "zero2",
    },
    {**_TRAIN, "model": "FLUX.1-dev", "method": "lora", "image_resolution": "1024x1024"},
    {**_TRAIN, "model": "FLUX.1-dev", "method": "lora", "image_resolution": "1024x1024", "offload": "params"},
    {
        **_TRAIN,
        "model": "FLUX.1-dev",
        "method": "full",
        "gradient_checkpointing": True,
        "parallelism": "zero3",
        "gpu_count": 8,
    },
    {"task": "inference", "model": "FLUX.1-dev", "image_resolution": "1024x1024"},
    {"task": "inference", "model": "FLUX.1-dev", "image_resolution": "1024x1024", "offload": "params"},
    {"task": "inference", "model": "Qwen2.5-7B", "framework": "vllm", "gpu_name": "A100-80GB"},
    {"task": "inference", "model": "Qwen2.5-7B", "seq_len": 4096, "quantization": "awq"},
    {"task": "inference", "model": "Qwen2.5-7B", "framework": "llama.cpp", "gpu_layers": 12},
    {**_TRAIN, "model": "resnet50", "model_kind": "vision"},
    {"task": "inference", "model": "resnet50", "model_kind": "vision", "batch_size": 2},
]


@pytest.mark.parametrize(
    "run", RUNS, ids=[f"{run['model']} {run.get('method', 'inference')} {index}" for index, run in enumerate(RUNS)]
)
def test_no_english_words_are_left(run: dict[str, Any]) -> None:
    parts = estimate(run, LIBRARY).components
    assert any(part.formula for part in parts)
    for part in parts:
        said = formula(part.explain(), "zh").split(" = ")[0]
        left = {str(found) for found in re2.findall(r"[A-Za-z_][A-Za-z_0-9]*", said)} - _STAY
        assert not left, (part.formula, said)


def test_english_stays_as_it_is_and_so_do_the_numbers() -> None:
    text = "params * bytes on each of 4 devices = 3.546 GiB  (params=7.616e+09, bytes=0.5)"
    assert formula(text, "en") == text
    assert formula(text, "zh").endswith("= 3.546 GiB  (params=7.616e+09, bytes=0.5)")
    assert "4" in formula(text, "zh").split(" = ")[0]


@pytest.mark.parametrize(
    "words",
    [
        {
            "model": "Llama-3.1-8B",
            "task": "inference",
            "framework": "vllm",
            "gpu_name": "RTX 3090",
            "max_model_len": 131072,
        },
        {"model": "my-own-diffuser", "model_kind": "diffusion", "params_b": 3.0, "task": "inference"},
        {"model": "Qwen2.5-7B", "method": "lora", "nonsense": 3},
    ],
)
def test_warnings_are_chinese_too(words: dict[str, Any]) -> None:
    found = estimate(words, LIBRARY).warnings
    assert found
    for text in found:
        assert warning(text, "en") == text
        said = warning(text, "zh")
        assert any("\u4e00" <= char <= "\u9fff" for char in said)
        assert "not" not in said
        assert "{" not in said
