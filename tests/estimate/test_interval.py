"""The interval follows what is known: named causes in quadrature, sizes by the share of the peak that goes with them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from advisor.estimate import estimate, interval
from advisor.estimate.spec import RunSpec
from advisor.library import load_library

LIBRARY = load_library()
RUN = {"model": "Llama-3.1-8B", "task": "train", "method": "full", "precision": "bf16", "batch_size": 4, "seq_len": 4096,
       "gradient_checkpointing": True, "optimizer": "adamw"}  # fmt: skip


def width(**words: Any) -> float:
    made = estimate({**RUN, **words}, LIBRARY)
    return made.high_gib / made.low_gib


def test_causes_add_up_in_quadrature() -> None:
    assert interval.spread({"a": 0.03, "b": 0.04}) == pytest.approx(0.05)
    assert interval.factor({"a": 0.03, "b": 0.04}) == pytest.approx(math.exp(1.645 * 0.05))
    assert interval.spread({"a": 3.0}) == interval.MOST


def test_a_size_counts_as_far_as_the_peak_goes_with_it() -> None:
    parts = {"weights": 60.0, "activations": 30.0, "logits": 10.0}
    own, _ = interval.ELASTIC["seq_len"]
    assert interval.of_sizes(RunSpec(), {"seq_len": 2048}, parts) == {"seq_len": pytest.approx(own * 0.4)}
    assert interval.of_sizes(RunSpec(), {"seq_len": 2048}, {"weights": 1.0}) == {}
    assert interval.of_sizes(RunSpec(), {}, parts) == {}


def test_what_is_stated_narrows_the_interval() -> None:
    described = width(loop="trainer", mask="none", attention="sdpa", optimizer_impl="foreach")
    named = width(framework="trl")
    assert described < named < width()
    assert described < 1.02


@pytest.mark.parametrize("word", ["seq_len", "batch_size", "precision"])
def test_what_is_not_stated_widens_it(word: str) -> None:
    words = {name: value for name, value in {**RUN, "gradient_checkpointing": False}.items() if name != word}
    less = estimate(words, LIBRARY)
    more = estimate({**RUN, "gradient_checkpointing": False}, LIBRARY)
    assert less.high_gib / less.low_gib > 1.05 * more.high_gib / more.low_gib


def test_every_interval_holds_its_estimate() -> None:
    for words in (
        {"task": "inference"},
        {"method": "qlora"},
        {"parallelism": "zero3", "gpu_count": 8},
        {"params_b": 7, "model": None},
    ):
        made = estimate({**RUN, **words}, LIBRARY)
        assert made.low_gib < made.allocated_gib < made.high_gib


def test_checkpoints_of_diffusion_models_may_cover_half_of_the_blocks() -> None:
    words = {"model": "FLUX.1-dev", "method": "lora", "batch_size": 1, "image_resolution": "1024x1024", "precision": "bf16",
             "optimizer": "adamw"}  # fmt: skip
    every = estimate({**words, "gradient_checkpointing": True}, LIBRARY)
    none = estimate({**words, "gradient_checkpointing": False}, LIBRARY)
    assert every.high_gib == pytest.approx((every.allocated_gib + none.allocated_gib) / 2, rel=0.06)


def test_a_size_may_be_surer_than_usual() -> None:
    parts = {"weights": 1.0, "activations": 3.0}
    usual = interval.of_sizes(RunSpec(), {"gradient_checkpointing": False}, parts)
    surer = interval.of_sizes(RunSpec(), {"gradient_checkpointing": False}, parts, {"gradient_checkpointing": 0.15})
    assert surer["gradient_checkpointing"] == pytest.approx(0.15 * 0.75)
    assert usual["gradient_checkpointing"] > surer["gradient_checkpointing"]
    encoder = estimate({"model": "bert-base-uncased", "batch_size": 32, "seq_len": 128, "precision": "fp32"}, LIBRARY)
    assert encoder.high_gib / encoder.low_gib < 2


def test_lengths_at_the_upper_end_may_make_another_phase_the_peak() -> None:
    phases, moving = {"backward": 20.0, "optimizer_step": 22.0}, {"backward": 10.0}
    own, _ = interval.ELASTIC["seq_len"]
    assert interval.grown({}, phases, moving) == 0.0
    assert interval.grown({"seq_len": 2048}, phases, moving) == pytest.approx(20.0 + 10.0 * (math.exp(1.645 * own) - 1))


def test_a_gelu_written_as_a_formula_is_transformers_own() -> None:
    """Transformers keeps the formula's tensors; a run of no named program calls the kernel, its upper end reaches to the other."""
    words = {"model": "microsoft/phi-1_5", "task": "train", "method": "lora", "lora_rank": 8, "precision": "bf16", "batch_size": 4,
             "seq_len": 1024, "gradient_checkpointing": False, "optimizer": "adamw"}  # fmt: skip
    unnamed, named = estimate(words, LIBRARY), estimate({**words, "framework": "transformers"}, LIBRARY)
    assert unnamed.allocated_gib < 0.85 * named.allocated_gib
    assert unnamed.high_gib > named.allocated_gib
    assert estimate({**words, "framework": "litgpt"}, LIBRARY).allocated_gib < 0.85 * named.allocated_gib
