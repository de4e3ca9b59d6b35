"""The message's numbers correct the estimate: a run that failed needed more than what its tensors held when it failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from advisor.facts import FactValue
from advisor.plan.memory import observed_need_gib, reserved_gib
from advisor.plan.outcome import ComponentLike, EstimateLike, peak_gib

STATIC = frozenset(
    {"weights", "gradients", "optimizer", "reference_weights", "quantized_weights", "adapters", "buffers"}
)
MAX_SCALE = 4.0  # beyond it the description is of another run than the message, and nothing is corrected
WITHIN = 0.85  # of the card
_STATIC_PHASES = frozenset({"load", "init", "resume"})
_STEP_PHASES = frozenset({"forward", "backward", "optimizer_step", "eval", "generate"})


class Part(Struct, frozen=True):
    """A component of a corrected estimate."""

    id: str
    gib: float


class Corrected(Struct, frozen=True):
    """An estimate raised to what the message showed; the fields of the estimate that it corrects, and `scale`."""

    allocated_gib: float
    reserved_gib: float
    process_gib: float
    low_gib: float
    high_gib: float
    capacity_gib: float | None
    assumed: Mapping[str, FactValue]
    components: tuple[ComponentLike, ...]
    phase: str
    phases: Mapping[str, float]
    scale: float


def dynamic_scale(facts: Mapping[str, Any], estimate: EstimateLike) -> float:
    """By how much everything beside weights, gradients and optimizer states must be larger for the message to come true.

    1.0 where there is nothing to correct: no numbers, a failure while loading, an estimate that already explains them, another
    device's share, or a discrepancy so large (MAX_SCALE) that the description and the message can't be of one run.
    """
    observed = observed_need_gib(facts)
    if observed is None or facts.get("phase") in _STATIC_PHASES:
        return 1.0
    observed -= _of_an_engine(facts, estimate)
    if observed <= estimate.allocated_gib:
        return 1.0
    static = sum(part.gib for part in estimate.components if part.id in STATIC)
    dynamic = estimate.allocated_gib - static
    if dynamic <= 0.0 or observed <= static:
        return 1.0
    scale = (observed - static) / dynamic
    return scale if scale <= MAX_SCALE else 1.0


def _of_an_engine(facts: Mapping[str, Any], estimate: EstimateLike) -> float:
    """GiB that a rollout engine within a trainer's own process holds, which PyTorch's figures of the process contain."""
    colocated = facts.get("task") == "train" and facts.get("gpu_memory_utilization") is not None
    return max(0.0, estimate.process_gib - estimate.reserved_gib) if colocated else 0.0


def disproved(facts: Mapping[str, Any], estimate: EstimateLike, capacity_gib: float | None) -> bool:
    """Whether the message shows that the run would have fitted: what was live and asked for is well within the card, more than was
    asked for lay reserved in pieces, and yet the estimate says that the card is too small. Then the estimate is of another run. So it
    is where the steps before a checkpoint went well.
    """
    if facts.get("phase") == "checkpoint_save" and facts.get("task") != "inference":
        return capacity_gib is not None and peak_gib(estimate) > capacity_gib
    observed, reserved = observed_need_gib(facts), reserved_gib(facts)
    allocated, request = facts.get("torch_allocated_gib"), facts.get("tried_to_allocate_gib")
    if observed is None or reserved is None or capacity_gib is None:
        return False
    in_pieces = (
        isinstance(allocated, int | float) and isinstance(request, int | float) and reserved - allocated >= request
    )
    return in_pieces and observed <= WITHIN * capacity_gib and peak_gib(estimate) > capacity_gib


def weights_elsewhere(facts: Mapping[str, Any], estimate: EstimateLike, in_step: bool) -> tuple[float, float] | None:
    """What PyTorch held and what the weights should take, in GiB, where a step ran although not all of them were there; else None.

    Args:
        in_step: something other than the failure's phase shows that a step ran, as a request for logits does.
    """
    held = facts.get("torch_allocated_gib")
    weights = sum(part.gib for part in estimate.components if part.id == "weights")
    if not isinstance(held, int | float) or held >= WITHIN * weights:
        return None
    return (float(held), weights) if in_step or facts.get("phase") in _STEP_PHASES else None


def corrected(estimate: EstimateLike, scale: float) -> EstimateLike:
    """The estimate with all that is not static multiplied by `scale`; the estimate itself for 1.0."""
    if scale == 1.0:
        return estimate
    parts = tuple(part if part.id in STATIC else Part(part.id, part.gib * scale) for part in estimate.components)
    before = sum(part.gib for part in estimate.components)
    ratio = sum(part.gib for part in parts) / before if before else 1.0
    beside = estimate.process_gib - estimate.allocated_gib
    allocated = estimate.allocated_gib * ratio
    return Corrected(
        allocated,
        max(estimate.reserved_gib, allocated + (estimate.reserved_gib - estimate.allocated_gib)),
        allocated + beside,
        estimate.low_gib * ratio,
        estimate.high_gib * ratio,
        estimate.capacity_gib,
        estimate.assumed,
        parts,
        estimate.phase,
        estimate.phases,
        scale,
    )


def reconciled(
    estimate: Callable[[Mapping[str, Any]], EstimateLike], facts: Mapping[str, Any], base: EstimateLike
) -> Callable[[Mapping[str, Any]], EstimateLike]:
    """The estimator, corrected by the message of `facts`; `base` is its estimate of the run as it is described."""
    scale = dynamic_scale(facts, base)
    if scale == 1.0:
        return estimate
    return lambda spec: corrected(estimate(spec), scale)
