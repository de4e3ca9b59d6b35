"""A small analytic estimator and remedies to plan with: exact, fast, and independent of the real estimator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from advisor.errors import TooLittleKnown
from advisor.facts import FactValue
from advisor.library import Library, load_library
from advisor.plan import Candidate
from advisor.plan.reconcile import Part
from advisor.records import Edit, Remedy, TimeCost


@dataclass(frozen=True)
class Toy:
    """An estimate of the toy model."""

    allocated_gib: float
    reserved_gib: float
    process_gib: float
    low_gib: float
    high_gib: float
    capacity_gib: float | None = None
    assumed: Mapping[str, FactValue] = field(default_factory=dict)
    components: tuple[Part, ...] = ()
    phase: str = "backward"
    phases: Mapping[str, float] = field(default_factory=dict)


def toy_estimate(spec: Mapping[str, Any]) -> Toy:
    """Weights, gradients, states and activations of a run of `params_b`, in round numbers."""
    if "params_b" not in spec:
        raise TooLittleKnown(["params_b"])
    assumed: dict[str, FactValue] = {} if "batch_size" in spec else {"batch_size": 8}
    batch, length = spec.get("batch_size", 8), spec.get("seq_len", 2048)
    params = float(spec["params_b"])
    shard = spec.get("gpu_count", 1) if spec.get("zero_stage") == 3 else 1
    trained = 0.01 if spec.get("method") in ("lora", "qlora") else 1.0
    weights = params * (0.5 if spec.get("method") == "qlora" else 2) / shard
    states = params * trained * (2 if spec.get("optimizer") == "adamw_8bit" else 8) / shard
    gradients = params * trained * 2 / shard
    activations = params * batch * length / 2048 * (0.1 if spec.get("gradient_checkpointing") else 0.5)
    phases = {
        "backward": weights + gradients + states + activations,
        "optimizer_step": weights + gradients + states * 1.2,
    }
    phase = max(phases, key=lambda name: phases[name])
    parts = (
        Part("weights", weights),
        Part("gradients", gradients),
        Part("optimizer", states),
        Part("activations", phases[phase] - weights - gradients - states),
    )
    total = phases[phase]
    figures = (total, total * 1.05, total * 1.05 + 0.5, total * 0.95, total * 1.05)
    return Toy(*figures, None, assumed, parts, phase, phases)


def toy_remedy(
    name: str, *edits: Edit, time: float = 1.0, risk: str = "none", effort: str = "flag", **rest: Any
) -> Remedy:
    """A remedy with the given settings."""
    text = {"en": name, "zh": name}
    return Remedy(
        name,
        text,
        text,
        ["x"],
        {},
        list(edits),
        time=TimeCost(time),
        quality_risk=risk,
        effort=effort,
        **rest,  # type: ignore[arg-type]
    )


def toy_remedies() -> dict[str, Remedy]:
    remedies = [
        toy_remedy("gradient_checkpointing", Edit(set={"gradient_checkpointing": True}), time=1.3,
                   useless_when={"gradient_checkpointing": [True]}),
        toy_remedy("reduce_batch_size", Edit(halve=["batch_size"], until_fits=True), risk="low", useless_when={"batch_size": [1]}),
        toy_remedy("gradient_accumulation", Edit(halve=["batch_size"], double=["grad_accum"], until_fits=True), time=1.05),
        toy_remedy("reduce_seq_len", Edit(halve=["seq_len"], floor=256, until_fits=True), risk="medium"),
        toy_remedy("8bit_optimizer", Edit(set={"optimizer": "adamw_8bit"}), risk="low"),
        toy_remedy("lora", Edit(set={"method": "lora"}), risk="low", effort="config", excludes=["qlora"],
                   useless_when={"method": ["lora", "qlora"]}),
        toy_remedy("qlora", Edit(set={"method": "qlora"}), time=1.28, risk="low", effort="config"),
        toy_remedy("zero3", Edit(set={"zero_stage": 3}), time=1.2, effort="config", needs={"gpu_count": {"gt": 1}}),
        toy_remedy("kill_other_processes"),
        toy_remedy("bigger_gpu", effort="hardware"),
    ]  # fmt: skip
    return {remedy.id: remedy for remedy in remedies}


@pytest.fixture
def estimate() -> Callable[[Mapping[str, Any]], Toy]:
    return toy_estimate


@pytest.fixture
def remedies() -> dict[str, Remedy]:
    return toy_remedies()


@pytest.fixture
def candidates(remedies: dict[str, Remedy]) -> list[Candidate]:
    """Every toy remedy, argued for ever less."""
    return [Candidate(remedy, 0.9 - index * 0.05, 0.9 - index * 0.05) for index, remedy in enumerate(remedies.values())]


@pytest.fixture(scope="session")
def library() -> Library:
    """The built-in packs."""
    return load_library()
