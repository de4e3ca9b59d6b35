"""Servers: what is left for the cache, what one long sequence lacks, and what fits by construction."""

from __future__ import annotations

import pytest

from advisor.diagnosis.specify import specify
from advisor.estimate import estimate
from advisor.estimate.result import Estimate
from advisor.library import load_library

LIBRARY = load_library()
TWO_A100 = {
    "task": "inference", "framework": "vllm", "model": "Llama-3.1-70B-Instruct", "gpu_name": "A100-80GB", "gpu_count": 2,
    "precision": "bf16",
}  # fmt: skip


def of(**words: object) -> Estimate:
    return estimate({**TWO_A100, **words}, LIBRARY)


def part(found: Estimate, name: str) -> float:
    return next((item.gib for item in found.components if item.id == name), 0.0)


def test_a_server_splits_its_model_over_all_its_cards() -> None:
    found = of(max_model_len=8192)
    assert part(found, "weights") == pytest.approx(70.55 * 2 / 2 / 1.0737, rel=0.02)  # 70.55B weights, 2 bytes, 2 cards
    words = specify({**TWO_A100, "max_model_len": 8192}, LIBRARY).words
    assert words["parallelism"] == "tp2"
    assert "parallelism" not in specify({**TWO_A100, "gpu_count": 1}, LIBRARY).words


def test_a_length_that_the_cache_holds_fits_by_construction() -> None:
    found = of(max_model_len=8192)
    assert found.fits
    assert found.high_gib == pytest.approx(found.allocated_gib)  # what the weights take more, the cache has less


def test_a_length_beyond_the_cache_is_counted_as_missing_cache() -> None:
    found = of(max_model_len=131_072)
    # Llama-3.1-70B keeps 2 * 80 layers * 8 heads * 128 numbers of 2 bytes a token, half of it on each card.
    assert part(found, "kv_cache") == pytest.approx(131_072 * 2 * 80 * 8 * 128 * 2 / 2 / 2**30)
    assert found.fits is False
    assert any("fewer than the longest sequence" in text for text in found.warnings)


def test_what_the_server_says_of_its_cache_is_believed() -> None:
    tight = of(max_model_len=60_000)
    assert tight.fits is False
    assert of(max_model_len=60_000, kv_cache_tokens=62_352).fits


def test_the_slots_of_llama_cpp_share_one_context_and_its_batch_makes_no_cache() -> None:
    words = {
        "task": "inference", "framework": "llama.cpp", "model": "Qwen2.5-32B-Instruct", "quantization": "q4_k_m", "max_model_len": 65_536,
    }  # fmt: skip
    one = estimate(words, LIBRARY)
    assert part(one, "kv_cache") == pytest.approx(65_536 * 2 * 64 * 8 * 128 * 2 / 2**30)
    assert estimate({**words, "batch_size": 2048, "concurrency": 4}, LIBRARY).allocated_gib == one.allocated_gib
    half = estimate({**words, "kv_cache_dtype": "q8_0"}, LIBRARY)
    assert part(half, "kv_cache") == pytest.approx(part(one, "kv_cache") * 34 / 64)
