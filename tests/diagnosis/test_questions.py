"""What is asked before a run: the advice is for the run that was estimated."""

from __future__ import annotations

from collections.abc import Mapping

from advisor.diagnosis import diagnose, examine
from advisor.diagnosis.questions import moves
from advisor.facts import FactValue

QUESTION = "Can I full fine-tune Llama-3-8B on 4x A100 40GB with DeepSpeed ZeRO-3, sequence length 4096?"


def advised(text: str) -> set[str]:
    return {each.remedy.id for each in examine(text).trace and examine(text).outcome.ranked}


def test_a_batch_that_was_taken_as_one_is_not_made_smaller() -> None:
    assert "reduce_batch_size" not in advised(QUESTION)
    assert "reduce_batch_size" in advised(QUESTION + " per-device batch size 8")


def asked(text: str) -> list[str]:
    return [question.fact for question in diagnose(text).questions]


RUN = "Full fine-tuning of Qwen2.5-1.5B on a 3090, batch size 4, seq 1024{}: CUDA out of memory. Tried to allocate 2.00 GiB"


def test_what_the_program_has_on_by_default_is_not_asked() -> None:
    assert "gradient_checkpointing" in asked(RUN.format(""))
    assert "gradient_checkpointing" not in asked(RUN.format(" with LLaMA-Factory"))


def test_a_known_default_is_asked_only_where_another_answer_moves_much() -> None:
    facts: dict[str, FactValue] = {}
    assumed: dict[str, FactValue] = {"optimizer": "adamw", "precision": "bf16"}
    gib: dict[str, dict[object, float]] = {
        "optimizer": {"adamw": 10.0, "adamw_8bit": 9.0, "sgd": 8.0}, "precision": {"bf16": 0.0, "fp32": 9.0},
    }  # fmt: skip

    def need(words: Mapping[str, FactValue]) -> float:
        return sum(gib[name][words.get(name, assumed[name])] for name in gib)

    both = moves(facts, assumed, {}, need)
    assert both == [(9.0, "precision"), (2.0, "optimizer")]
    known = moves(facts, assumed, {}, need, assumed)
    assert known == [(9.0, "precision")]  # two of ten GiB is not much, nine is
    # Of equal size, what nobody knows goes first.
    gib["optimizer"]["sgd"] = 1.5
    assert [fact for _, fact in moves(facts, assumed, {}, need, {"precision": "bf16"})] == ["optimizer", "precision"]


def test_a_switch_that_is_on_by_default_is_on() -> None:
    assert not moves({}, {"gradient_checkpointing": True}, {}, lambda words: 50.0 if words.get("gradient_checkpointing") is False else 10.0,
                     {"gradient_checkpointing": True})  # fmt: skip
