"""Which tensor a failed allocation was."""

from __future__ import annotations

import pytest

from advisor.allocation import explain_request, window

QWEN_7B = {
    "hidden_size": 3584, "num_hidden_layers": 28, "num_attention_heads": 28, "num_key_value_heads": 4, "intermediate_size": 18944,
    "vocab_size": 152064,
}  # fmt: skip


def test_the_logits_of_a_known_run_are_recognised() -> None:
    # 4 x 2048 x 152064 x 4 bytes = 4.64 GiB
    best = explain_request(4.64, QWEN_7B, {"batch_size": 4, "seq_len": 2048})[0]
    assert best.tensor.id == "logits"
    assert best.confidence > 0.7


def test_one_token_less_is_the_shifted_loss() -> None:
    size = 4 * 2047 * 152064 * 4 / 2**30
    assert explain_request(round(size, 2), QWEN_7B, {"batch_size": 4, "seq_len": 2048})[0].tensor.id == "logits"


def test_an_unknown_length_is_solved_for() -> None:
    best = explain_request(4.64, QWEN_7B, {"batch_size": 4}, "loss = cross_entropy(logits")[0]
    assert best.tensor.id == "logits"
    assert best.solved == {"seq_len": 2048}


def test_an_unknown_batch_is_solved_for() -> None:
    # 28 heads x 4096^2 x 2 bytes = 896 MiB a sample
    best = explain_request(3.5, QWEN_7B, {"seq_len": 4096}, "attn_weights = softmax(attn_weights")[0]
    assert best.tensor.id == "attention_scores"
    assert best.solved == {"batch_size": 4}


def test_a_weight_is_recognised_without_batch_and_length() -> None:
    # 3584 x 18944 x 2 bytes = 129.5 MiB, asked for as 130 MiB
    best = explain_request(130 / 1024, QWEN_7B, {}, "from_pretrained")[0]
    assert best.tensor.id == "layer_weight"


def test_a_flat_partition_of_zero_is_recognised() -> None:
    facts = {"params_b": 7.6, "gpu_count": 2, "zero_stage": 2, "task": "train"}
    size = 7.6e9 / 2 * 4 / 2**30
    assert explain_request(round(size, 2), QWEN_7B, facts, "initialize_optimizer_states")[0].tensor.id == "flat_states"


@pytest.mark.parametrize("request_gib", [0.001, 20 / 1024, 7.13, 250.0])
def test_what_fits_nothing_is_not_explained(request_gib: float) -> None:
    assert explain_request(request_gib, QWEN_7B, {"batch_size": 4, "seq_len": 2048}) == ()


def test_no_architecture_no_explanation() -> None:
    assert explain_request(1.0, {}, {}) == ()


def test_the_window_is_the_rounding_and_the_printed_decimals() -> None:
    low, high = window(2.0)
    assert (2.0 - low) * 1024 == pytest.approx(2 + 5.12)
    assert high == pytest.approx(2.005)
    assert window(0.5, rounded=False)[0] == pytest.approx(0.5 - 0.005 / 1024)
