"""What the catalogue knows of a named model, the rules know too."""

from __future__ import annotations

from advisor.diagnosis import examine


def test_rules_know_the_kind_of_a_named_model() -> None:
    assert examine("CUDA out of memory while training resnet50, batch 64, V100 16GB").fields()["model_kind"] == "vision"
    assert examine("CUDA out of memory while training Qwen2.5-7B").fields()["model_kind"] == "llm"
    assert "model_kind" not in examine("CUDA out of memory while training my network").fields()
