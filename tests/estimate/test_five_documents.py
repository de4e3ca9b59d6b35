"""What the five documents say of memory holds in the estimate: nothing of it is written down anywhere, it follows from the models."""

from __future__ import annotations

from typing import Any

import pytest

from advisor.estimate import Estimate, estimate
from advisor.library import Library, load_library

DECIMAL_GB = 1e9 / 2**30
GROOT = {"framework": "gr00t", "model": "GR00T-N1-2B", "task": "train"}
# run_grpo_rec.sh of VLM-R1: Qwen2.5-VL-3B, ZeRO-3, flash attention, bf16; a refcoco image and its prompt, completions of 512 tokens.
VLM_R1: dict[str, Any] = {
    "framework": "vlm-r1", "model": "Qwen2.5-VL-3B", "method": "grpo", "batch_size": 8, "num_generations": 8, "precision": "bf16",
    "seq_len": 1536, "gradient_checkpointing": True, "parallelism": "zero3", "gpu_name": "A100-40GB",
}  # fmt: skip
# llava_v15_*_finetune.py of XTuner: the language model and the projector learn, 16 samples of 2048 tokens a card, eight cards, ZeRO-3.
XTUNER: dict[str, Any] = {
    "framework": "xtuner", "method": "full", "frozen": ["vision"], "batch_size": 16, "grad_accum": 1, "seq_len": 2048,
    "precision": "amp-fp16", "gradient_checkpointing": True, "parallelism": "zero3", "gpu_count": 8,
}  # fmt: skip
# finetune_ds.sh of MiniCPM-V: one sample a card with up to nine slices, everything learns.
MINICPM: dict[str, Any] = {
    "framework": "minicpm-v", "model": "MiniCPM-Llama3-V-2.5", "method": "full", "batch_size": 1, "seq_len": 2048, "precision": "bf16",
    "gradient_checkpointing": True, "image": "max_slice_nums 9", "gpu_name": "RTX 4090",
}  # fmt: skip


@pytest.fixture(scope="module")
def library() -> Library:
    return load_library()


def run(library: Library, **words: Any) -> Estimate:
    return estimate(words, library)


def test_groot_full_tuning_fails_on_a_4090_and_fits_an_a6000(library: Library) -> None:
    everything = {**GROOT, "frozen": []}
    assert run(library, **everything, gpu_name="RTX 4090").fits is False
    assert run(library, **GROOT, gpu_name="RTX 4090").fits is False
    on_a6000 = run(library, **everything, gpu_name="RTX A6000")
    assert on_a6000.fits is True
    assert on_a6000.process_gib == pytest.approx(40, rel=0.15)


def test_groot_loaded_takes_half_of_a_16_gb_laptop_card_and_tuning_does_not_fit(library: Library) -> None:
    made = run(library, **GROOT, gpu_memory_gib=16)
    assert made.phases["load"] == pytest.approx(8, rel=0.1)
    assert made.fits is False


def test_groot_parts_and_adapters_take_less_in_that_order(library: Library) -> None:
    full = run(library, **GROOT, gpu_name="RTX 4090")
    head = run(library, **{**GROOT, "frozen": ["vision", "text"]}, gpu_name="RTX 4090")
    lora = run(library, **GROOT, method="lora", lora_rank=64, gpu_name="RTX 4090")
    assert full.process_gib > head.process_gib > lora.process_gib
    assert head.fits is True
    assert lora.process_gib < 12


def test_omnilmm_loading_takes_about_17_gb(library: Library) -> None:
    made = run(library, model="MiniCPM-Llama3-V-2.5", workload="load", precision="fp16", gpu_name="RTX 4090")
    assert made.process_gib / DECIMAL_GB == pytest.approx(17, rel=0.1)


def test_omnilmm_full_tuning_takes_no_less_than_two_4090s(library: Library) -> None:
    assert run(library, **MINICPM, gpu_count=1).fits is False
    assert run(library, **MINICPM, gpu_count=1, parallelism="zero2", offload="optimizer").fits is False
    assert run(library, **MINICPM, gpu_count=2, parallelism="zero2").fits is False
    assert run(library, **MINICPM, gpu_count=2, parallelism="zero3", offload="both").fits is True


def test_more_slices_and_longer_sequences_take_more(library: Library) -> None:
    few = run(
        library,
        **{**MINICPM, "image": "max_slice_nums 4", "gradient_checkpointing": False},
        gpu_count=2,
        parallelism="zero3",
    )
    many = run(library, **{**MINICPM, "gradient_checkpointing": False}, gpu_count=2, parallelism="zero3")
    long = run(
        library, **{**MINICPM, "seq_len": 4096, "gradient_checkpointing": False}, gpu_count=2, parallelism="zero3"
    )
    assert few.allocated_gib < many.allocated_gib < long.allocated_gib


def test_vlm_r1_needs_four_40_gb_cards_with_checkpointing(library: Library) -> None:
    assert run(library, **VLM_R1, gpu_count=1).fits is False
    assert run(library, **VLM_R1, gpu_count=2).fits is False
    assert run(library, **VLM_R1, gpu_count=4).fits is True
    assert run(library, **{**VLM_R1, "gradient_checkpointing": False}, gpu_count=4).fits is False


def test_vlm_r1_fewer_generations_save(library: Library) -> None:
    whole = run(library, **{**VLM_R1, "batch_size": 1}, gpu_count=4)
    half = run(library, **{**VLM_R1, "batch_size": 1, "num_generations": 4}, gpu_count=4)
    assert half.allocated_gib < 0.85 * whole.allocated_gib


def test_xtuner_llava_takes_48_and_80_gb(library: Library) -> None:
    small = run(library, **XTUNER, model="LLaVA-1.5-7B", gpu_name="RTX A6000")
    large = run(library, **XTUNER, model="LLaVA-1.5-13B", gpu_name="A100-80GB")
    assert small.fits is True
    # Between the two: a 40 GB card would be full to the brim.
    tight = run(library, **XTUNER, model="LLaVA-1.5-7B", gpu_name="A100-40GB")
    assert tight.capacity_gib is not None
    assert tight.process_gib > 0.95 * tight.capacity_gib
    assert large.fits is True
    assert run(library, **XTUNER, model="LLaVA-1.5-13B", gpu_name="RTX A6000").fits is False


def test_xtuner_on_a_3090_takes_lora_offload_and_smaller_batches(library: Library) -> None:
    card = {"model": "LLaVA-1.5-7B", "gpu_name": "RTX 3090"}
    whole = run(library, **XTUNER, **card)
    smaller = run(library, **{**XTUNER, "batch_size": 8, "grad_accum": 2}, **card)
    offloaded = run(library, **{**XTUNER, "batch_size": 8, "grad_accum": 2, "offload": "both"}, **card)
    assert whole.fits is False
    assert smaller.process_gib < whole.process_gib
    assert offloaded.process_gib < smaller.process_gib
    assert offloaded.fits is True
