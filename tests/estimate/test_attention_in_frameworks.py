"""A framework's Trainer wraps its steps in autocast; stated flash attention never falls back to the square of scores."""

from __future__ import annotations

import pytest

from advisor.estimate import estimate
from advisor.library import load_library

LIBRARY = load_library()
RUN = {"model": "Qwen2.5-7B", "task": "train", "batch_size": 2, "seq_len": 8192, "gradient_checkpointing": False}


@pytest.mark.parametrize(
    ("framework", "prepared"), [("axolotl", False), ("llama-factory", False), ("trl", False), ("transformers", True)]
)
def test_qlora_in_a_framework_computes_in_half_precision(framework: str, prepared: bool) -> None:
    # What is not prepared for training on a quantised base keeps its residual stream in 16 bits.
    alone = estimate({**RUN, "method": "qlora", "kbit_prepare": prepared}, LIBRARY).allocated_gib
    inside = estimate({**RUN, "method": "qlora", "framework": framework}, LIBRARY).allocated_gib
    assert inside == pytest.approx(alone, rel=0.15)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_flash_attention_of_a_model_in_fp32_saves_no_scores(method: str) -> None:
    def activations(**words: object) -> float:
        return estimate({**RUN, "method": method, "precision": "fp32", **words}, LIBRARY).allocated_gib

    assert activations(flash_attention=True) < 0.5 * activations(attention="eager")
