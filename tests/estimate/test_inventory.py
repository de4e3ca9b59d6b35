"""What a recorded step keeps, tensor by tensor, against the layer's own arithmetic."""

from __future__ import annotations

from typing import Any

import pytest

from advisor.estimate import estimate
from advisor.estimate.inventory import inventory
from advisor.library import load_library

LIBRARY = load_library()
LLAMA: dict[str, Any] = {"model": "Llama-3.1-8B", "task": "train", "method": "lora", "lora_rank": 16, "precision": "bf16", "batch_size": 4,
                         "seq_len": 2048, "gradient_checkpointing": False, "optimizer": "adamw"}  # fmt: skip


def test_a_layer_s_tensors_add_up_to_the_activations() -> None:
    rows = inventory(LLAMA, LIBRARY)
    layers = next(row for row in rows if row.scope == "text" and row.unit == "tokens")
    assert (layers.layers, layers.rows) == (32, 4 * 2048)
    # gate, up, their activation and product
    assert layers.tensors[0] == (4, 14336, 2)
    parts = {part.id: part.gib * 2**30 for part in estimate(LLAMA, LIBRARY).components}
    assert layers.total == pytest.approx(parts["activations"], rel=0.001)


def test_a_checkpointed_layer_keeps_its_input() -> None:
    rows = inventory({**LLAMA, "gradient_checkpointing": True}, LIBRARY)
    layers = next(row for row in rows if row.scope == "text" and row.layers == 32)
    assert layers.tensors == ((1, 4096, 2),)
    assert layers.line() == "text: 32 layers * 8192 tokens * (1 * 4096 * 2 B) = 2.00 GiB"


def test_the_tower_sees_all_patches_of_its_images() -> None:
    words = {
        "model": "Qwen2.5-VL-7B",
        "task": "train",
        "method": "full",
        "image_resolution": "1024x1024",
        "gradient_checkpointing": False,
    }
    tower = next(row for row in inventory(words, LIBRARY) if row.unit == "image positions")
    assert tower.rows == (1036 // 14) ** 2  # 1024 rounded to a multiple of 28 pixels, in patches of 14


@pytest.mark.parametrize(
    "words", [{"task": "inference"}, {"model": "FLUX.1-dev"}, {"model": "ResNet-50"}, {"model": "Jamba-v0.1"}]
)
def test_what_is_not_recorded_has_no_inventory(words: dict[str, Any]) -> None:
    assert inventory({**LLAMA, **words}, LIBRARY) == []
