"""The scoring function: support decides, costs order, objections and what is on take away."""

from __future__ import annotations

import pytest

from advisor.engine import Engine
from advisor.library import Library
from advisor.plan import Preferences, Weights
from advisor.plan.rank import candidates_of, noisy_or, score_of, with_saving
from advisor.rule import Conclusion, Condition, Rule

from .conftest import toy_remedies


def rule(name: str, *then: Conclusion, **when: object) -> Rule:
    conditions = tuple(Condition(field.replace("__", "."), "is", value) for field, value in when.items())  # type: ignore[arg-type]
    return Rule(name, "stable", conditions, (), then, {"en": ""}, {"en": ""}, (), ())


REMEDIES = toy_remedies()


def ranked(rules: list[Rule], facts: dict[str, object], preferences: Preferences | None = None) -> list[str]:
    trace = Engine(rules).run({"kind": "vram_oom", **facts})
    return [item.remedy.id for item in candidates_of(trace, REMEDIES, preferences)]


def test_noisy_or() -> None:
    assert noisy_or([]) == 0.0
    assert noisy_or([0.5, 0.5]) == pytest.approx(0.75)
    assert noisy_or([1.0, 0.2]) == 1.0


def test_support_of_a_cause_counts_with_its_confidence() -> None:
    rules = [
        rule("c", Conclusion("cause", "memory_leak", 0.3), kind="vram_oom"),
        rule("r", Conclusion("remedy", "lora", 0.9), cause__memory_leak=True),
        rule("s", Conclusion("remedy", "8bit_optimizer", 0.5), kind="vram_oom"),
    ]
    assert ranked(rules, {}) == ["8bit_optimizer", "lora"]


def test_objections_take_away() -> None:
    rules = [
        rule("r", Conclusion("remedy", "lora", 0.9), kind="vram_oom"),
        rule("s", Conclusion("remedy", "8bit_optimizer", 0.5), kind="vram_oom"),
        rule("o", Conclusion("discourage", "lora", 0.7), task="train"),
    ]
    assert ranked(rules, {}) == ["lora", "8bit_optimizer"]
    assert ranked(rules, {"task": "train"}) == ["8bit_optimizer", "lora"]


def test_what_is_on_tried_or_unwanted_is_left_out() -> None:
    rules = [rule("r", Conclusion("remedy", "lora", 0.9), Conclusion("remedy", "8bit_optimizer", 0.5), kind="vram_oom")]
    assert ranked(rules, {"method": "qlora"}) == ["8bit_optimizer"]
    assert ranked(rules, {"tried.8bit_optimizer": True}) == ["lora"]
    assert ranked(rules, {}, Preferences(forbid=("lora",))) == ["8bit_optimizer"]


def test_costs_order_what_is_argued_for_alike() -> None:
    scale = Weights()
    slow, plain = REMEDIES["gradient_checkpointing"], REMEDIES["kill_other_processes"]
    assert score_of(0.5, 0, scale.cost(slow), scale) < score_of(0.5, 0, scale.cost(plain), scale)
    assert scale.cost(REMEDIES["bigger_gpu"]) > scale.cost(slow) > scale.cost(plain) == 0


def test_savings_weigh_as_far_as_the_estimate_is_trusted() -> None:
    scale = Weights()
    assert with_saving(0.5, 10, 10, scale) == pytest.approx(0.5)
    assert with_saving(0.5, 5, 10, scale) < 0.5
    assert with_saving(0.5, 0, 10, scale) == pytest.approx(0.5 * scale.no_saving)
    assert with_saving(0.5, 0, 10, scale, trust=0.0) == pytest.approx(0.5)


def test_the_file_of_weights_is_complete(library: Library) -> None:
    block = library.settings["ranking"]
    assert set(block) - {"prefer", "cards"} == set(Weights.__struct_fields__)
    assert set(block["prefer"]) == {"speed", "quality", "least-effort"}
    assert all(name in library.gpus for name in block["cards"])
    assert set(block["argued_only"]) <= set(library.remedies)
    assert Weights.of(block, "speed").time > Weights.of(block).time
