"""Models with compressed keys and values (MLA), against transformers' own code run on fake tensors by the tracer."""

from __future__ import annotations

from typing import Any

import pytest

from advisor.estimate import estimate
from advisor.estimate.inventory import inventory
from advisor.library import load_library

LIBRARY = load_library()
RUN: dict[str, Any] = {"model_kind": "llm", "task": "train", "precision": "bf16", "method": "full", "optimizer": "sgd",
                       "gradient_checkpointing": False, "loop": "trainer", "mask": "none", "attention": "sdpa",
                       "optimizer_impl": "foreach", "steps": 2}  # fmt: skip
HEADS = {"num_attention_heads": 16, "num_key_value_heads": 16, "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64,
         "v_head_dim": 128, "hidden_size": 2048, "num_hidden_layers": 5, "tie_word_embeddings": False}  # fmt: skip
V2: dict[str, Any] = {**HEADS, "model_type": "deepseek_v2", "q_lora_rank": None, "intermediate_size": 10944,
      "moe_intermediate_size": 1408, "n_routed_experts": 64, "n_shared_experts": 2, "num_experts_per_tok": 6,
      "first_k_dense_replace": 1, "vocab_size": 102400}  # fmt: skip
V3: dict[str, Any] = {**HEADS, "model_type": "deepseek_v3", "q_lora_rank": 768, "intermediate_size": 8192,
      "moe_intermediate_size": 1024, "n_routed_experts": 32, "n_shared_experts": 1, "num_experts_per_tok": 4, "n_group": 4,
      "topk_group": 2, "first_k_dense_replace": 2, "vocab_size": 32000}  # fmt: skip
TARGETS = "q_proj,q_a_proj,q_b_proj,kv_a_proj_with_mqa,kv_b_proj,o_proj"
LORA = {"method": "lora", "lora_rank": 16, "lora_targets": TARGETS, "lora_dropout": 0.0, "lora_fp32": True, "optimizer": "adamw",
        "autocast": "bf16"}  # fmt: skip


@pytest.mark.parametrize(
    ("config", "words", "traced"),
    [
        (V2, {"batch_size": 8, "seq_len": 2048}, 39.362),
        (V2, {"batch_size": 8, "seq_len": 2048, **LORA}, 35.039),
        (V3, {"batch_size": 8, "seq_len": 2048}, 18.740),
        (V3, {"batch_size": 4, "seq_len": 1024, "attention": "eager"}, 7.758),
        (V3, {"batch_size": 4, "seq_len": 1024, "loop": "plain", "mask": "padded"}, 6.246),
    ],
)
def test_traced_peaks(config: dict[str, Any], words: dict[str, Any], traced: float) -> None:
    assert estimate({**RUN, "arch": config, **words}, LIBRARY).allocated_gib == pytest.approx(traced, rel=0.005)


def test_the_first_layers_have_an_mlp_of_their_own() -> None:
    words = {**RUN, "batch_size": 8, "seq_len": 2048}
    kept = {row.scope: row.tensors for row in inventory({**words, "arch": V3}, LIBRARY)}
    assert (8, 8192, 2) in kept["text.dense"]  # gate, up, their activation and product in two layers
    assert (12, 1024, 2) in kept["text"]  # the same four in the shared expert of the other three


def test_a_chat_model_of_the_same_code() -> None:
    """Kimi's checkpoints name their own kind; the code is DeepSeek-V3's."""
    words = {**RUN, "batch_size": 2, "seq_len": 1024}
    kimi = {**words, "arch": {**V3, "model_type": "kimi_k2"}}
    assert estimate(kimi, LIBRARY).allocated_gib == estimate({**words, "arch": V3}, LIBRARY).allocated_gib
