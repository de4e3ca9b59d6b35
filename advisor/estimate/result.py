"""What an estimate says: the figures, their interval, and the components with the formula behind each."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from advisor.facts import FactValue

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


class Component(Struct, frozen=True):
    """One part of the peak.

    Attributes:
        id: weights, gradients, optimizer, activations, logits, casts, workspace, kv_cache ...
        gib: its size at the peak.
        formula: how it is computed, in symbols.
        inputs: the numbers that the symbols stood for.
    """

    id: str
    gib: float
    formula: str = ""
    inputs: Mapping[str, FactValue] = field(default_factory=dict)

    def explain(self) -> str:
        """The formula with its numbers: `2 bytes * params = ... (params=6.74e9)`."""
        numbers = ", ".join(f"{name}={_short(value)}" for name, value in self.inputs.items())
        return f"{self.formula} = {self.gib:.3f} GiB" + (f"  ({numbers})" if numbers else "")


def _short(value: FactValue) -> str:
    if isinstance(value, bool) or not isinstance(value, float):
        return str(value)
    return f"{value:.6g}"


class Estimate(Struct, frozen=True):
    """The memory that one device needs.

    Attributes:
        allocated_gib: what `torch.cuda.max_memory_allocated` would say.
        reserved_gib: what `torch.cuda.max_memory_reserved` would say.
        process_gib: what nvidia-smi would show.
        low_gib, high_gib: a 90 % interval for `allocated_gib`.
        capacity_gib: usable memory of the device, where known.
        fits: whether `process_gib` is within the capacity, where known.
        assumed: inputs that were not stated, with the value taken.
        components: the peak by part; they add up to `allocated_gib`.
        phase: the phase of the peak, in the words of the contract.
        phases: the peak of each phase.
        warnings: what could not be used or is less sure than the interval says.
        doubts: why the interval is as wide as it is, the standard deviation of each cause as a share of the peak.
    """

    allocated_gib: float
    reserved_gib: float
    process_gib: float
    low_gib: float
    high_gib: float
    capacity_gib: float | None = None
    fits: bool | None = None
    assumed: Mapping[str, FactValue] = field(default_factory=dict)
    components: tuple[Component, ...] = ()
    phase: str = ""
    phases: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    doubts: Mapping[str, float] = field(default_factory=dict)

    def component(self, name: str) -> float:
        """GiB of the component `name`, 0.0 without one."""
        return sum(part.gib for part in self.components if part.id == name)

    def as_json(self) -> dict[str, Json]:
        """The `estimate` object of the contract: what is not known is absent, never null."""
        shown: dict[str, Json] = {
            "allocated_gib": round(self.allocated_gib, 4),
            "reserved_gib": round(self.reserved_gib, 4),
            "process_gib": round(self.process_gib, 4),
            "low_gib": round(self.low_gib, 4),
            "high_gib": round(self.high_gib, 4),
        }
        if self.capacity_gib is not None:
            shown["capacity_gib"] = round(self.capacity_gib, 4)
        if self.fits is not None:
            shown["fits"] = self.fits
        shown["assumed"] = {
            name: list(value) if isinstance(value, list) else value for name, value in self.assumed.items()
        }
        shown["components"] = [{"id": part.id, "gib": round(part.gib, 4)} for part in self.components]
        if self.phase:
            shown["phase"] = self.phase
        if self.phases:
            shown["phases"] = {name: round(gib, 4) for name, gib in self.phases.items()}
        if self.warnings:
            shown["warnings"] = list(self.warnings)
        return shown
