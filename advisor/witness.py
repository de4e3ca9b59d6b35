"""What something other than a text saw of a run: a live process or a memory snapshot, with what held the memory, measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct, field

from advisor.facts import Observation


class Holding(Struct, frozen=True):
    """A part of the memory that was in use, in GiB; `id` is that of an estimate's component (weights, gradients ...)."""

    id: str
    gib: float


class Witness(Struct, frozen=True):
    """What was seen beside the text.

    Attributes:
        source: where it was seen.
        observations: facts and signals, each with what it was read from as its quote.
        words: further words of the estimator that are no facts, such as `arch`.
        held: the parts that were measured.
        rest: the part that everything else in PyTorch's tensors counts to; empty when `held` is complete.
    """

    source: Literal["process", "snapshot"]
    observations: tuple[Observation, ...] = ()
    words: Mapping[str, Any] = field(default_factory=dict)
    held: tuple[Holding, ...] = ()
    rest: str = ""

    def holdings(self, facts: Mapping[str, Any]) -> Sequence[Holding]:
        """What was held, the rest of `facts`' torch_allocated_gib included; the largest first."""
        parts = list(self.held)
        allocated = facts.get("torch_allocated_gib")
        if self.rest and isinstance(allocated, int | float):
            left = float(allocated) - sum(part.gib for part in parts)
            if left > 0.02 * float(allocated):
                same = sum(part.gib for part in parts if part.id == self.rest)
                parts = [part for part in parts if part.id != self.rest] + [Holding(self.rest, left + same)]
        return sorted((part for part in parts if part.gib > 0), key=lambda part: -part.gib)
