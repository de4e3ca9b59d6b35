"""A published pair of measurements of nanoVLM-222M: sequence lengths of 512 and 128 tokens, by batch size, on a 24 GB card."""

from __future__ import annotations

from typing import Any

import pytest

from advisor.estimate import Estimate, estimate
from advisor.library import Library, load_library

# measure_vram.py: AdamW over fp32 weights under a bf16 autocast, no accumulation, outputs kept by the loop.
SCRIPT: dict[str, Any] = {
    "model": "nanoVLM-222M", "framework": "nanovlm", "task": "train", "method": "full", "precision": "amp-bf16", "grad_accum": 1,
    "optimizer": "adamw", "gradient_checkpointing": False, "loop": "plain", "gpu_name": "RTX 3090",
}  # fmt: skip


@pytest.fixture(scope="module")
def library() -> Library:
    return load_library()


def run(library: Library, batch: int, length: int) -> Estimate:
    return estimate({**SCRIPT, "batch_size": batch, "seq_len": length}, library)


@pytest.mark.parametrize(
    ("length", "batch", "mib"),
    [
        (512, 1, 4450.70),
        (512, 8, 9753.21),
        (512, 16, 16630.95),
        (128, 1, 4447.19),
        (128, 8, 5174.62),
        (128, 16, 7283.11),
    ],
)
def test_peaks_are_within_a_tenth(library: Library, length: int, batch: int, mib: float) -> None:
    assert run(library, batch, length).allocated_gib * 1024 == pytest.approx(mib, rel=0.1)


def test_a_batch_of_32_runs_out_at_512_tokens_only(library: Library) -> None:
    assert run(library, 32, 512).fits is False
    assert run(library, 32, 128).fits is True


def test_four_times_the_length_weighs_like_four_times_the_batch(library: Library) -> None:
    assert run(library, 8, 512).allocated_gib == pytest.approx(run(library, 32, 128).allocated_gib, rel=0.2)
