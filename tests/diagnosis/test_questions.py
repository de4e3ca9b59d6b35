"""What is asked before a run: the advice is for the run that was estimated."""

from __future__ import annotations

from advisor.diagnosis import examine

QUESTION = "Can I full fine-tune Llama-3-8B on 4x A100 40GB with DeepSpeed ZeRO-3, sequence length 4096?"


def advised(text: str) -> set[str]:
    return {each.remedy.id for each in examine(text).trace and examine(text).outcome.ranked}


def test_a_batch_that_was_taken_as_one_is_not_made_smaller() -> None:
    assert "reduce_batch_size" not in advised(QUESTION)
    assert "reduce_batch_size" in advised(QUESTION + " per-device batch size 8")
