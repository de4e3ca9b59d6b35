"""A missing flag is knowledge: what a framework does without it, and never as a stated fact."""

from __future__ import annotations

from advisor.library import Library
from advisor.readers.runs.defaults import defaults_for

from .conftest import See


def test_defaults_of_the_framework_come_before_those_of_its_family(library: Library) -> None:
    found = defaults_for("llama-factory", {}, library)
    assert found["gradient_checkpointing"] is True  # of LLaMA-Factory; transformers has it off
    assert found["batch_size"] == 8  # of transformers


def test_what_is_stated_has_no_default(library: Library) -> None:
    assert "gradient_checkpointing" not in defaults_for("llama-factory", {"gradient_checkpointing": False}, library)


def test_defaults_of_training_do_not_hold_for_inference(library: Library) -> None:
    assert "image_resolution" in defaults_for("kohya", {"task": "train"}, library)
    assert "image_resolution" not in defaults_for("kohya", {"task": "inference"}, library)


def test_an_unknown_framework_has_those_of_a_plain_loop(library: Library) -> None:
    assert defaults_for("nobody-knows-it", {"task": "train"}, library) == defaults_for(
        "pytorch", {"task": "train"}, library
    )


def test_a_default_is_never_seen_as_a_fact(see: See) -> None:
    facts = see("llamafactory-cli train --stage sft --model_name_or_path Qwen/Qwen2.5-7B --finetuning_type lora")
    assert "gradient_checkpointing" not in facts
    assert "batch_size" not in facts
