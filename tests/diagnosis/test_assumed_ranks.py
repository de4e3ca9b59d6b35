"""Which of a framework's defaults describe a run, by the method that was stated."""

from __future__ import annotations

import pytest

from advisor.diagnosis.specify import specify
from advisor.library import load_library


@pytest.mark.parametrize(
    ("framework", "method", "assumed"),
    [
        ("trl", "lora", True),
        ("trl", "grpo", False),  # TRL trains everything unless adapters are asked for
        ("trl", "full", False),
        ("ms-swift", "grpo", True),  # ms-swift trains adapters unless told otherwise
        ("ms-swift", "full", False),
    ],
)
def test_a_default_rank_counts_where_adapters_learn(framework: str, method: str, assumed: bool) -> None:
    words = {"framework": framework, "method": method, "task": "train"}
    assert ("lora_rank" in specify(words, load_library()).assumed) is assumed


def test_full_training_with_unsloth_is_in_16_bits() -> None:
    library = load_library()
    words = {"framework": "unsloth", "task": "train"}
    assert specify({**words, "method": "qlora"}, library).assumed["quantization"] == "nf4"
    assert "quantization" not in specify({**words, "method": "full"}, library).assumed
