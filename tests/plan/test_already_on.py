"""No advice whose change changes nothing: over random runs, in the list and in every plan."""

from __future__ import annotations

import random
from typing import Any

import pytest

from advisor.diagnosis import Case, examine
from advisor.library import load_library
from advisor.plan.edit import already_on, changes_of, settings
from advisor.records import Remedy

LIBRARY = load_library()
CHOICES: dict[str, tuple[Any, ...]] = {
    "task": ("train", "train", "inference"),
    "framework": ("transformers", "trl", "llama-factory", "axolotl", "deepspeed", "unsloth", "verl", "diffusers", "kohya", "vllm",
                  "llama.cpp", "ultralytics", "xtuner", "torchtune"),
    "params_b": (0.5, 3.0, 7.0, 14.0, 70.0),
    "gpu_name": ("RTX 3090", "RTX 4090", "A100-80GB", "T4", "H100"),
    "gpu_count": (1, 2, 8),
    "method": ("full", "lora", "qlora", "freeze"),
    "quantization": ("none", "8bit", "4bit", "nf4", "gptq", "q4_k_m"),
    "precision": ("fp32", "bf16", "fp16", "amp-bf16"),
    "optimizer": ("adamw", "adamw_8bit", "paged_adamw_8bit", "adafactor", "sgd"),
    "batch_size": (1, 1, 2, 8),
    "grad_accum": (1, 8),
    "seq_len": (512, 4096, 32768),
    "zero_stage": (0, 2, 3),
    "offload": ("none", "optimizer", "params", "both", "activations"),
    "fsdp": (True, False),
    "gradient_checkpointing": (True, False),
    "flash_attention": (True, False),
    "fused_ce": (True, False),
    "num_generations": (2, 8, 16),
    "lora_rank": (4, 16, 64),
    "kv_cache_dtype": ("fp8", "q8_0"),
    "concurrency": (1, 64),
    "gpu_memory_utilization": (0.5, 0.9, 0.95),
}  # fmt: skip
TEXTS = (
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB",
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.20 GiB (GPU 0; 23.69 GiB total capacity; 12.31 GiB already allocated; "
    "1.05 GiB free; 20.9 GiB reserved in total by PyTorch)",
    "训练时显存不足 CUDA out of memory",
)
# What follows from a larger setting of the same thing: each is on where one of those is.
STRONGER = {
    "zero2": {"zero3", "fsdp"},
    "lora": {"qlora"},
    "zero_offload": {"zero3_offload"},
    "8bit_optimizer": {"paged_optimizer"},
}


def runs() -> list[tuple[str, dict[str, Any]]]:
    source = random.Random(20)
    found = []
    for _ in range(90):
        names = source.sample(sorted(CHOICES), k=source.randrange(3, 12))
        found.append((source.choice(TEXTS), {name: source.choice(CHOICES[name]) for name in names}))
    return found


def idle(remedy: Remedy, case: Case) -> bool:
    """Whether every setting of the remedy leaves the stated run as it is."""
    facts = case.facts
    known = [name for edit in remedy.edit for name in (*edit.set, *edit.halve)]
    return bool(known) and all(name in facts for name in known) and next(settings(remedy, facts), None) is None


@pytest.mark.parametrize(("text", "stated"), runs())
def test_what_is_on_is_never_advised(text: str, stated: dict[str, Any]) -> None:
    case = examine(text, stated=stated, library=LIBRARY)
    for ranked in case.outcome.ranked:
        assert not already_on(ranked.remedy, case.facts), ranked.remedy.id
        assert not idle(ranked.remedy, case), ranked.remedy.id
        if ranked.edit is not None:
            assert ranked.changed, ranked.remedy.id
    for plan in case.outcome.plans:
        words = dict(case.specification.words)
        for step in plan.steps:
            assert not already_on(step.remedy, case.facts), step.remedy.id
            assert step.changed
            assert any(words.get(name) != value for name, value in step.changed.items()), step.remedy.id
            words |= step.changed


@pytest.mark.parametrize(
    "remedy", [remedy for remedy in LIBRARY.remedies.values() if remedy.edit], ids=lambda item: item.id
)
def test_after_advice_was_followed_it_is_not_given_again(remedy: Remedy) -> None:
    """The run after the strongest setting of a remedy: none of what it contains is advised."""
    task = remedy.applies_to.get("task", ["train"])[0]
    base: dict[str, Any] = {"task": task, "params_b": 7.0, "gpu_count": 4, "gpu_name": "RTX 3090", "batch_size": 8,
                            "grad_accum": 1, "seq_len": 4096, "lora_rank": 64, "num_generations": 8, "concurrency": 64,
                            "max_model_len": 32768, "gpu_layers": 60, "image_tokens": 2048}  # fmt: skip
    if "method" in remedy.applies_to:
        base["method"] = remedy.applies_to["method"][0]
    options = list(settings(remedy, base))
    if not options:
        pytest.skip("needs a run of another kind")
    strongest = options[-1]
    stated = {**base, **changes_of(strongest, base)}
    case = examine("CUDA out of memory", stated=stated, library=LIBRARY)
    names = {ranked.remedy.id for ranked in case.outcome.ranked}
    assert names.isdisjoint({remedy.id, *(weaker for weaker, stronger in STRONGER.items() if remedy.id in stronger)})
