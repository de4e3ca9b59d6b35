"""Caches, prompts and servers, against sums by hand."""

import pytest

from advisor.estimate import inference, kv_cache
from advisor.estimate.kv_cache import CacheShape

GIB = 2**30
# Llama-2-13B: 40 layers, 40 heads of 128, f 13824, v 32000.
LLAMA_13B = inference.Decoder(5120, 40, 40, 13824, True, 32000, CacheShape(40, 40, 128), largest_linear=5120 * 13824)


def test_cache_of_grouped_queries() -> None:
    assert kv_cache.cache_bytes(CacheShape(32, 8, 128), 1024) == 2 * 2 * 8 * 128 * 32 * 1024


def test_cache_of_a_latent_is_independent_of_the_heads() -> None:
    assert kv_cache.cache_bytes(CacheShape(61, 128, 128, latent=576), 1) == 2 * 576 * 61


def test_windowed_layers_keep_their_window_only() -> None:
    shape = CacheShape(10, 1, 1, window=100, windowed_layers=5)
    assert kv_cache.cache_bytes(shape, 1000, element=1.0) == 2 * (5 * 1000 + 5 * 100)
    assert kv_cache.cache_bytes(shape, 50, element=1.0) == 2 * 10 * 50


def test_paged_cache_rounds_up_to_blocks() -> None:
    assert kv_cache.paged_tokens(17) == 32
    assert kv_cache.paged_tokens(16) == 16


def test_a_tuple_cache_is_there_twice_while_decoding() -> None:
    old = inference.generation_bytes(LLAMA_13B, inference.TUPLE_CACHE, 1, 512, 512, 2.0)
    new = inference.generation_bytes(LLAMA_13B, inference.MODERN, 1, 512, 512, 2.0)
    assert old.decode[1] == 2 * new.decode[1] == 2 * 2 * 2 * 5120 * 40 * 1024


def test_prompt_peaks_in_the_feed_forward_or_in_the_logits() -> None:
    tokens = 1000
    mlp = 2 * tokens * (4 * 5120 + 3 * 13824)
    assert inference.prefill_bytes(LLAMA_13B, inference.MODERN, 1, tokens, 2.0) == mlp
    logits = 6 * 32000 * tokens + 2 * tokens * 2 * 5120
    assert inference.prefill_bytes(LLAMA_13B, inference.DYNAMIC_CACHE, 1, tokens, 2.0) == max(mlp, logits) == logits


def test_eager_scores_grow_with_the_square() -> None:
    assert inference.scores_bytes(LLAMA_13B, 2, 100, 10.0) == 10 * 2 * 40 * 100 * 100


def test_vllm_fills_its_share_and_sglang_leaves_activations_outside() -> None:
    parts = {"capacity": 80.0, "weights": 16.0, "activations": 2.0, "graphs": 1.0, "context": 0.5, "per_token": 0.1}
    vllm = kv_cache.server_memory("vllm", 0.9, **parts)
    assert vllm.cache == pytest.approx(0.9 * 80 - 16 - 2 - 0.5)
    assert vllm.held == pytest.approx(72 + 1)
    sglang = kv_cache.server_memory("sglang", 0.88, **parts)
    assert sglang.cache == pytest.approx(0.88 * 80 - 16)
    assert sglang.held == pytest.approx(0.88 * 80 + 2 + 1 + 0.5)
    lmdeploy = kv_cache.server_memory("lmdeploy", 0.8, **parts)
    assert lmdeploy.cache == pytest.approx(0.8 * (80 - 16 - 2 - 0.5))
    assert vllm.tokens == pytest.approx(vllm.cache / 0.1)


def test_a_model_that_leaves_no_room_does_not_fit() -> None:
    assert not kv_cache.server_memory("vllm", 0.9, 24.0, 26.0, 1.0, 1.0, 0.5, 0.1).fits
