"""The numbers that rules compare, and how the message corrects the estimate."""

from __future__ import annotations

import pytest

from advisor.plan import need_gib
from advisor.plan.memory import capacity_gib, memory_fields, observed_need_gib, reserved_gib
from advisor.plan.reconcile import disproved, dynamic_scale, reconciled, weights_elsewhere
from advisor.rule import MEMORY_FIELDS

from .conftest import toy_estimate

# 24 GiB card: 18 GiB in tensors, 3 GiB reserved and unused, 1 GiB free, so 2 GiB belong to others; 1.5 GiB were asked for.
MESSAGE = {
    "gpu_capacity_gib": 24.0, "torch_allocated_gib": 18.0, "torch_reserved_unallocated_gib": 3.0, "gpu_free_gib": 1.0,
    "tried_to_allocate_gib": 1.5,
}  # fmt: skip


def test_the_message_alone() -> None:
    fields = memory_fields(MESSAGE)
    assert fields["memory.request_share"] == pytest.approx(1.5 / 24)
    assert fields["memory.request_over_free"] == pytest.approx(1.5)
    assert fields["memory.unallocated_over_request"] == pytest.approx(2.0)
    assert fields["memory.outside_torch_gib"] == pytest.approx(2.0)
    assert fields["memory.allocated_share"] == pytest.approx(0.75)
    assert "memory.estimate_gib" not in fields


def test_the_older_wording_gives_the_same() -> None:
    older = {name: value for name, value in MESSAGE.items() if name != "torch_reserved_unallocated_gib"}
    assert memory_fields({**older, "torch_reserved_gib": 21.0}) == memory_fields(MESSAGE)
    assert reserved_gib({"torch_reserved_gib": 21.0}) == reserved_gib(MESSAGE) == 21.0


def test_nothing_known_gives_nothing() -> None:
    assert memory_fields({}) == {}
    assert memory_fields({"tried_to_allocate_gib": 0.0, "gpu_free_gib": 0.0, "gpu_capacity_gib": 0.0}) == {
        "memory.request_gib": 0.0
    }


def test_all_fields_are_named() -> None:
    spec = {"params_b": 7, "batch_size": 8, "seq_len": 2048}
    fields = memory_fields(MESSAGE, toy_estimate(spec))
    assert {name.removeprefix("memory.") for name in fields} == set(MEMORY_FIELDS)


def test_the_estimate_of_a_run_that_fits_proves_nothing_of_its_parts() -> None:
    fields = memory_fields({"gpu_capacity_gib": 200.0}, toy_estimate({"params_b": 7, "batch_size": 8, "seq_len": 2048}))
    assert fields["memory.fits"] is True
    assert "memory.optimizer_share" not in fields
    assert "memory.peak_phase" not in fields


def test_capacity_of_the_runtime_before_that_of_the_box() -> None:
    assert capacity_gib({"gpu_memory_gib": 24.0}) == 24.0
    assert capacity_gib({"gpu_memory_gib": 24.0, "gpu_capacity_gib": 23.6}) == 23.6
    assert capacity_gib({}) is None


LORA = {"params_b": 7, "method": "lora", "batch_size": 1, "seq_len": 2048, "task": "train"}


def test_the_message_raises_an_estimate_that_is_too_low() -> None:
    base = toy_estimate(LORA)  # 18.2 GiB, of which 3.5 are activations
    facts = {"torch_allocated_gib": 21.0, "tried_to_allocate_gib": 0.7}
    assert observed_need_gib(facts) == pytest.approx(21.7)
    better = reconciled(toy_estimate, facts, base)(LORA)
    assert better.allocated_gib == pytest.approx(21.7)
    assert need_gib(better) > need_gib(base)
    static = {part.id: part.gib for part in base.components if part.id != "activations"}
    assert {part.id: part.gib for part in better.components if part.id in static} == static


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"torch_allocated_gib": 10.0, "tried_to_allocate_gib": 0.5},
        {"torch_allocated_gib": 21.0, "tried_to_allocate_gib": 0.7, "phase": "load"},
        {"torch_allocated_gib": 70.0, "tried_to_allocate_gib": 0.7},
    ],
    ids=["no numbers", "the estimate explains them", "while loading", "another run"],
)
def test_nothing_to_correct(facts: dict[str, object]) -> None:
    base = toy_estimate(LORA)
    assert dynamic_scale(facts, base) == 1.0
    assert reconciled(toy_estimate, facts, base) is toy_estimate


def test_weights_that_were_not_all_there_when_a_step_ran() -> None:
    estimate = toy_estimate({"params_b": 13, "method": "lora"})  # 26 GiB of weights
    facts = {"torch_allocated_gib": 21.0}
    assert weights_elsewhere(facts, estimate, True) == (21.0, 26.0)
    assert weights_elsewhere({**facts, "phase": "backward"}, estimate, False) == (21.0, 26.0)
    assert weights_elsewhere({**facts, "phase": "load"}, estimate, False) is None  # they were still coming
    assert weights_elsewhere({"torch_allocated_gib": 30.0}, estimate, True) is None
    assert weights_elsewhere({}, estimate, True) is None


def test_an_engine_within_the_trainer_is_not_counted_twice() -> None:
    base = toy_estimate(LORA)
    told = {**MESSAGE, "task": "train", "torch_allocated_gib": base.allocated_gib + 0.2, "tried_to_allocate_gib": 0.1}
    assert dynamic_scale(told, base) > 1.0
    assert dynamic_scale({**told, "gpu_memory_utilization": 0.3}, base) == 1.0


def test_what_is_saved_had_fitted() -> None:
    estimate = toy_estimate({"params_b": 13})
    assert disproved({"phase": "checkpoint_save", "task": "train"}, estimate, 40.0)
    assert not disproved({"phase": "backward", "task": "train"}, estimate, 40.0)
    assert not disproved({"phase": "checkpoint_save", "task": "train"}, estimate, 400.0)
