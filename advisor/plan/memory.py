"""The numbers that rules compare: the message's figures, the estimate's shares, and what neither explains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from advisor.plan.outcome import ComponentLike, EstimateLike, need_gib, peak_gib

MemoryValue: TypeAlias = float | bool | str
Numbers: TypeAlias = dict[str, float]
# Which components of an estimate make up each part that rules speak of.
_PARTS: Mapping[str, tuple[str, ...]] = {
    "weights": ("weights", "reference_weights", "quantized_weights", "adapters"),
    "gradients": ("gradients",),
    "optimizer": ("optimizer",),
    "activations": ("activations", "checkpoints", "recomputed", "casts", "attention"),
    "logits": ("logits", "loss"),
    "kv_cache": ("kv_cache",),
}
_MIN_CAPACITY = 0.25  # GiB; below it a "capacity" is a misread number


SIZES = ("batch_size", "seq_len", "image_resolution", "image_tokens")


def assumed_sizes(estimate: EstimateLike) -> list[str]:
    """The sizes of the run that the estimate had to assume: what it says of activations is as sure as they are."""
    return [name for name in SIZES if name in estimate.assumed]


def memory_fields(
    facts: Mapping[str, Any], estimate: EstimateLike | None = None, held: Sequence[ComponentLike] = ()
) -> dict[str, MemoryValue]:
    """All fields `memory.*` that can be computed; what can't is absent.

    Args:
        facts: the facts of the case; the message's numbers are among them.
        estimate: of the run as it is described, None where too little is known.
        held: what was measured to hold the memory when the run failed; it speaks for the estimate's parts.

    Returns:
        `memory.<name>` to its value, in GiB or as a share between 0 and 1 (see `advisor.rule.MEMORY_FIELDS`).
    """
    capacity = capacity_gib(facts, estimate)
    found: dict[str, MemoryValue] = dict(_of_message(facts, capacity))
    if estimate is not None:
        found |= _of_estimate(facts, estimate, capacity)
    if held:
        found |= _parts(held, capacity)
    if capacity is not None:
        found["capacity_gib"] = capacity
    return {f"memory.{name}": value for name, value in found.items()}


def capacity_gib(facts: Mapping[str, Any], estimate: EstimateLike | None = None) -> float | None:
    """Usable memory of one device: as the runtime reports it, else the estimate's catalogue value, else as the card is sold."""
    for value in (
        _number(facts, "gpu_capacity_gib"),
        estimate.capacity_gib if estimate else None,
        _number(facts, "gpu_memory_gib"),
    ):
        if value is not None and value >= _MIN_CAPACITY:
            return value
    return None


def reserved_gib(facts: Mapping[str, Any]) -> float | None:
    """What PyTorch's allocator had reserved: stated by older wordings, the sum of two numbers in the newer ones."""
    stated = _number(facts, "torch_reserved_gib")
    if stated is not None:
        return stated
    allocated, unallocated = _number(facts, "torch_allocated_gib"), _number(facts, "torch_reserved_unallocated_gib")
    return allocated + unallocated if allocated is not None and unallocated is not None else None


def observed_need_gib(facts: Mapping[str, Any]) -> float | None:
    """Live tensors and the request together: what the run needs at least at its peak."""
    allocated, request = _number(facts, "torch_allocated_gib"), _number(facts, "tried_to_allocate_gib")
    return allocated + request if allocated is not None and request is not None else None


def _number(facts: Mapping[str, Any], name: str) -> float | None:
    value = facts.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _of_message(facts: Mapping[str, Any], capacity: float | None) -> Numbers:
    found: Numbers = {}
    request, free = _number(facts, "tried_to_allocate_gib"), _number(facts, "gpu_free_gib")
    allocated, reserved = _number(facts, "torch_allocated_gib"), reserved_gib(facts)
    unallocated = _number(facts, "torch_reserved_unallocated_gib")
    if unallocated is None and allocated is not None and reserved is not None:
        unallocated = max(0.0, reserved - allocated)
    if request is not None:
        found["request_gib"] = request
        if free is not None and free > 0:
            found["request_over_free"] = request / free
        if unallocated is not None and request > 0:
            found["unallocated_over_request"] = unallocated / request
    if unallocated is not None:
        found["reserved_unallocated_gib"] = unallocated
    outside = _outside_torch(facts, capacity, free, reserved)
    if outside is not None:
        found["outside_torch_gib"] = outside
    if capacity is not None:
        shares = {"request_share": request, "allocated_share": allocated, "free_share": free}
        shares |= {"reserved_unallocated_share": unallocated, "outside_torch_share": outside}
        found |= {name: value / capacity for name, value in shares.items() if value is not None}
    return found


def _outside_torch(
    facts: Mapping[str, Any], capacity: float | None, free: float | None, reserved: float | None
) -> float | None:
    """GiB of the card that is neither free nor this process's PyTorch memory: other processes, and the context of this one."""
    stated = _number(facts, "other_processes_gib")
    if stated is not None:
        return stated
    if capacity is None or free is None or reserved is None:
        return None
    return max(0.0, capacity - free - reserved)


def _of_estimate(facts: Mapping[str, Any], estimate: EstimateLike, capacity: float | None) -> dict[str, MemoryValue]:
    total = estimate.allocated_gib or 1.0
    found: dict[str, MemoryValue] = {"estimate_gib": peak_gib(estimate)}
    if estimate.phase:
        found["peak_phase"] = estimate.phase
    found["interval_width"] = (estimate.high_gib - estimate.low_gib) / total
    if capacity is not None:
        found["fits"] = need_gib(estimate) <= capacity
        found["shortfall_gib"] = peak_gib(estimate) - capacity
        found["over_ratio"] = peak_gib(estimate) / capacity
    if not found.get("fits") and capacity is not None and "method" not in estimate.assumed:
        parts = _parts(estimate.components, capacity, total)  # weights do not depend on the sizes of a batch
        found |= {name: gib for name, gib in parts.items() if name.startswith("static")}
    if found.get("fits") or len(assumed_sizes(estimate)) > 1:
        # A run that failed although this one would fit is another run, and one of assumed sizes may be: their shares prove nothing.
        found.pop("peak_phase", None)
        return found
    found |= _parts(estimate.components, capacity, total)
    held = _held_by_process(facts)
    if held is not None:
        found["unexplained_gib"] = held - estimate.allocated_gib
        if capacity is not None:
            found["unexplained_share"] = (held - estimate.allocated_gib) / capacity
    return found


def _parts(components: Sequence[ComponentLike], capacity: float | None, total: float = 0.0) -> Numbers:
    """The parts that rules speak of, their shares of the total, and what is there before the first activation."""
    total = total or sum(part.gib for part in components) or 1.0
    by_id: Numbers = {}
    for part in components:
        by_id[part.id] = by_id.get(part.id, 0.0) + part.gib
    found: Numbers = {}
    for name, ids in _PARTS.items():
        gib = sum(by_id.get(item, 0.0) for item in ids)
        found[f"{name}_gib"] = gib
        found[f"{name}_share"] = gib / total
    static = sum(by_id.get(item, 0.0) for name in ("weights", "gradients", "optimizer") for item in _PARTS[name])
    found["static_gib"] = static
    if capacity is not None:
        found["static_share"] = static / capacity
    return found


def _held_by_process(facts: Mapping[str, Any]) -> float | None:
    """Live tensors of the process at the failure with what it asked for, else what it held in all."""
    observed = observed_need_gib(facts)
    return observed if observed is not None else _number(facts, "process_in_use_gib")
