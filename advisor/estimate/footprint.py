"""The peak of one device in bytes, part by part, before it becomes an Estimate."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from advisor.estimate.process import CACHED_STEADY
from advisor.estimate.result import Component
from advisor.facts import FactValue
from advisor.units import GIB


class Footprint(Struct):
    """Bytes at the peak by component, and what is known of the other phases.

    Attributes:
        phase: the phase of the peak. phases: peaks of the phases, bytes.
        outside: bytes of the process that PyTorch's allocator doesn't hold, beyond the device context.
        cached: share of the peak that the allocator keeps beyond it; None: only `moving` grows, by the share `varying`.
        moving: bytes of each phase whose sizes change with the length of the sequences.
        flat_step: the optimizer's step works on flat buffers, beside which the blocks of the activations stay cached.
        doubts: how sure the allocated figure is, by cause (interval.py).
        ceiling: bytes that the parts can't exceed together, whatever each is.
        lowest, highest: bytes that the run may well take instead, where the words leave that open.
        own_doubts: about sizes that had to be taken, where they are surer than usual (interval.py, ELASTIC).
        unused: words that have no part in the run, so that nothing about them was assumed.
        held: of the process whatever the tensors sum up to (a server that fills its share).
    """

    parts: dict[str, float] = field(default_factory=dict)
    formulas: dict[str, tuple[str, Mapping[str, FactValue]]] = field(default_factory=dict)
    phase: str = ""
    phases: dict[str, float] = field(default_factory=dict)
    assumed: dict[str, FactValue] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    outside: float = 0.0
    cached: float | None = None
    varying: float = CACHED_STEADY
    moving: dict[str, float] = field(default_factory=dict)
    flat_step: bool = False
    doubts: dict[str, float] = field(default_factory=dict)
    own_doubts: dict[str, float] = field(default_factory=dict)
    unused: tuple[str, ...] = ()
    held: float | None = None
    ceiling: float | None = None
    lowest: float | None = None
    highest: float | None = None

    def add(self, name: str, count: float, formula: str = "", **inputs: FactValue) -> None:
        """`count` bytes more of a part, with the formula behind them."""
        if count <= 0:
            return
        self.parts[name] = self.parts.get(name, 0.0) + count
        if formula:
            self.formulas[name] = (formula, inputs)

    @property
    def allocated(self) -> float:
        return sum(self.parts.values())

    def components(self) -> tuple[Component, ...]:
        """The parts in GiB, the largest first."""
        ranked = sorted(self.parts.items(), key=lambda item: -item[1])
        return tuple(Component(name, count / GIB, *self.formulas.get(name, ("", {}))) for name, count in ranked)
