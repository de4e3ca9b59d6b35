"""The plan: cheapest, honest, fast, and what the person wants."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from advisor.library import Library
from advisor.plan import Candidate, Preferences, Weights, make_plan, need_gib, settings
from advisor.plan.edit import apply
from advisor.plan.meter import Meter
from advisor.plan.outcome import peak_gib
from advisor.plan.search import Option, Search, conflict, dimensions
from advisor.records import Edit, Remedy

from .conftest import Toy, toy_estimate, toy_remedy

Estimate = Callable[[Mapping[str, Any]], Toy]
SPEC: dict[str, Any] = {
    "task": "train",
    "params_b": 7,
    "method": "full",
    "batch_size": 8,
    "seq_len": 2048,
    "gpu_count": 1,
}


def test_without_an_estimate_the_ranking_comes_alone(candidates: list[Candidate], estimate: Estimate) -> None:
    outcome = make_plan({"batch_size": 4}, candidates, estimate, 24.0)
    assert [item.remedy.id for item in outcome.ranked] == [item.remedy.id for item in candidates]
    assert outcome.missing == ("params_b",)
    assert outcome.plans == ()
    assert all(item.saves is None for item in outcome.ranked)


def test_a_plan_that_says_it_fits_fits(candidates: list[Candidate], estimate: Estimate) -> None:
    for capacity in (12, 16, 24, 40, 48, 80, 110):
        outcome = make_plan(SPEC, candidates, estimate, float(capacity))
        assert outcome.plans
        for plan in outcome.plans:
            assert plan.fits is (need_gib(toy_estimate(plan.spec)) <= capacity)


def test_what_saves_nothing_falls_behind(estimate: Estimate, remedies: dict[str, Remedy]) -> None:
    # At batch size 1 the optimizer step is the peak: checkpointing lowers the backward pass only, although more argues for it.
    spec = {**SPEC, "batch_size": 1}
    both = [Candidate(remedies["gradient_checkpointing"], 0.9, 0.9), Candidate(remedies["lora"], 0.6, 0.6)]
    ranked = make_plan(spec, both, estimate, 24.0).ranked
    assert [item.remedy.id for item in ranked] == ["lora", "gradient_checkpointing"]
    assert ranked[1].saves is not None
    assert ranked[1].saves.expected == 0.0
    assert ranked[0].saves is not None
    assert 0 < ranked[0].saves.low <= ranked[0].saves.expected <= ranked[0].saves.high


def test_what_raises_the_peak_is_not_advised_and_told_apart(estimate: Estimate, remedies: dict[str, Remedy]) -> None:
    worse = toy_remedy("larger_batch", Edit(set={"batch_size": 16}))
    outcome = make_plan(SPEC, [Candidate(worse, 0.9, 0.9), Candidate(remedies["lora"], 0.5, 0.5)], estimate, 24.0)
    assert [item.remedy.id for item in outcome.ranked] == ["lora"]
    assert [item.remedy.id for item in outcome.raising] == ["larger_batch"]


def test_what_the_estimator_does_not_know_is_not_held_against_a_remedy(estimate: Estimate) -> None:
    unseen = toy_remedy("unseen", Edit(set={"no_such_thing": True}))
    (item,) = make_plan(SPEC, [Candidate(unseen, 0.7, 0.7)], estimate, 24.0).ranked
    assert item.saves is None
    assert item.score == 0.7


def test_an_estimate_that_fits_has_no_say_on_a_failure(estimate: Estimate, remedies: dict[str, Remedy]) -> None:
    spec = {**SPEC, "batch_size": 1}
    (item,) = make_plan(spec, [Candidate(remedies["gradient_checkpointing"], 0.7, 0.7)], estimate, 200.0).ranked
    assert item.score == 0.7


def test_a_default_that_is_on_is_not_advised(estimate: Estimate, remedies: dict[str, Remedy]) -> None:
    spec = {**SPEC, "gradient_checkpointing": True}
    assert make_plan(spec, [Candidate(remedies["gradient_checkpointing"], 0.7, 0.7)], estimate, 24.0).ranked == ()


def test_the_mildest_setting_that_fits_is_shown(estimate: Estimate, remedies: dict[str, Remedy]) -> None:
    spec = {**SPEC, "method": "lora", "batch_size": 16}
    (item,) = make_plan(spec, [Candidate(remedies["reduce_batch_size"], 0.9, 0.9)], estimate, 48.0).ranked
    size = item.changed["batch_size"]
    assert isinstance(size, int)
    assert item.fits
    assert need_gib(toy_estimate({**spec, "batch_size": size * 2})) > 48.0


def test_between_the_expected_peak_and_the_high_end_nobody_can_tell(
    estimate: Estimate, remedies: dict[str, Remedy]
) -> None:
    spec = {**SPEC, "method": "full"}
    after = toy_estimate({**spec, "gradient_checkpointing": True})
    for capacity, fits in (
        (need_gib(after), True),
        ((peak_gib(after) + need_gib(after)) / 2, None),
        (peak_gib(after) - 0.1, False),
    ):
        (item,) = make_plan(spec, [Candidate(remedies["gradient_checkpointing"], 0.7, 0.7)], estimate, capacity).ranked
        assert item.fits is fits


def test_assumed_values_can_be_halved(estimate: Estimate, remedies: dict[str, Remedy]) -> None:
    spec = {"params_b": 7, "method": "lora"}
    (item,) = make_plan(spec, [Candidate(remedies["reduce_batch_size"], 0.9, 0.9)], estimate, 24.0).ranked
    assert item.changed == {"batch_size": 2}
    assert need_gib(toy_estimate({**spec, "batch_size": 2})) <= 24.0 < need_gib(toy_estimate({**spec, "batch_size": 4}))


def test_nothing_fits_is_said_with_the_smallest_hardware(
    candidates: list[Candidate], estimate: Estimate, library: Library
) -> None:
    outcome = make_plan({**SPEC, "params_b": 60}, candidates, estimate, 24.0, library=library)
    assert not outcome.plans[0].fits
    assert outcome.plans[0].name == "closest"
    best = [item for item in outcome.smallest_hardware if item.steps and item.count == 1]
    assert best
    assert best[0].memory_gib >= best[0].need_gib


def test_what_already_fits_needs_no_plan(candidates: list[Candidate], estimate: Estimate) -> None:
    outcome = make_plan({**SPEC, "method": "lora", "batch_size": 1}, candidates, estimate, 80.0)
    assert outcome.plans == ()
    assert outcome.estimate is not None


def test_plans_differ(candidates: list[Candidate], estimate: Estimate) -> None:
    outcome = make_plan(SPEC, candidates, estimate, 48.0)
    sets = [tuple(sorted(step.remedy.id for step in plan.steps)) for plan in outcome.plans]
    assert len(sets) == len(set(sets))


def test_keep_and_forbid(candidates: list[Candidate], estimate: Estimate) -> None:
    outcome = make_plan(SPEC, candidates, estimate, 24.0, Preferences(keep=("batch_size", "seq_len"), forbid=("lora",)))
    for plan in outcome.plans:
        assert plan.spec["batch_size"] == 8
        assert plan.spec["seq_len"] == 2048
        assert "lora" not in [step.remedy.id for step in plan.steps]


def test_a_plan_never_joins_what_excludes_each_other(candidates: list[Candidate], estimate: Estimate) -> None:
    for capacity in range(8, 120, 6):
        for plan in make_plan(SPEC, candidates, estimate, float(capacity)).plans:
            for one, other in itertools.combinations([step.remedy for step in plan.steps], 2):
                assert not conflict(one, other)


@pytest.mark.parametrize("capacity", [10, 14, 20, 30, 45, 70, 100])
def test_the_cheapest_is_the_cheapest(capacity: int, remedies: dict[str, Remedy]) -> None:
    """The search against every combination that there is."""
    options = [
        Option(0.1 * (number + 1) + 0.04 * index, remedy, edit)
        for number, remedy in enumerate(remedies.values())
        for index, edit in enumerate(settings(remedy, SPEC))
    ]
    best = float("inf")
    for choice in itertools.product(*dimensions(options)):
        chosen = [option for option in choice if option.remedy is not None]
        if any(
            conflict(one.remedy, other.remedy)
            for one, other in itertools.combinations(chosen, 2)
            if one.remedy and other.remedy
        ):
            continue
        spec = dict(SPEC)
        for option in chosen:
            assert option.edit is not None
            spec = apply(option.edit, spec)
        if need_gib(toy_estimate(spec)) <= capacity:
            best = min(best, sum(option.cost for option in chosen))
    found = Search(Meter(toy_estimate), SPEC, SPEC, float(capacity), 300).run("cheapest", options).plan
    assert found is not None
    assert found.fits is (best < float("inf"))
    if found.fits:
        assert found.proven
        assert found.cost == pytest.approx(best)


def test_twenty_candidates_take_few_estimates() -> None:
    many = [toy_remedy(f"r{index}", Edit(set={f"x{index}": True})) for index in range(20)]

    def twenty(spec: Mapping[str, Any]) -> Toy:
        total = 100 - sum(2 + index % 5 for index in range(20) if spec.get(f"x{index}"))
        return Toy(total, total, total, total, total)

    candidates = [Candidate(remedy, 0.9 - index * 0.02, 0.9) for index, remedy in enumerate(many)]
    for capacity in (95.0, 85.0, 70.0, 50.0):
        outcome = make_plan({"params_b": 7}, candidates, twenty, capacity)
        assert outcome.estimates_made <= 400
        assert outcome.plans[0].fits


def test_preferences_change_the_weights() -> None:
    settings_file = {
        "effort": {"flag": 0.0, "config": 0.1, "code": 0.2, "hardware": 0.3},
        "prefer": {"speed": {"time": 0.9}},
    }
    assert Weights.of(settings_file).time != 0.9
    assert Weights.of(settings_file, "speed").time == 0.9
    assert Weights.of(settings_file, "speed").effort["code"] == 0.2
