"""What goes into a plan and what comes out: candidates, preferences, ranked remedies, plans, the smallest hardware."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, TypeAlias

from msgspec import Struct, field

from advisor.engine import Firing
from advisor.facts import FactValue
from advisor.records import Edit, Remedy

Prefer: TypeAlias = Literal["", "speed", "quality", "least-effort"]
Spec: TypeAlias = Mapping[str, FactValue]


class ComponentLike(Protocol):
    """One part of an estimate's peak."""

    @property
    def id(self) -> str: ...
    @property
    def gib(self) -> float: ...


class EstimateLike(Protocol):
    """The figures of an estimate that a plan reads, in GiB; `low_gib` to `high_gib` is an interval for `allocated_gib`."""

    @property
    def allocated_gib(self) -> float: ...
    @property
    def reserved_gib(self) -> float: ...
    @property
    def process_gib(self) -> float: ...
    @property
    def low_gib(self) -> float: ...
    @property
    def high_gib(self) -> float: ...
    @property
    def capacity_gib(self) -> float | None: ...
    @property
    def assumed(self) -> Mapping[str, FactValue]: ...
    @property
    def components(self) -> Sequence[ComponentLike]: ...
    @property
    def phase(self) -> str: ...
    @property
    def phases(self) -> Mapping[str, float]: ...


def beside_gib(estimate: EstimateLike) -> float:
    """GiB that the process needs beside its tensors: the device context and what libraries hold.

    What the allocator keeps cached is not among it: it is given back before an allocation fails.
    """
    return max(0.0, estimate.process_gib - max(estimate.reserved_gib, estimate.allocated_gib))


def peak_gib(estimate: EstimateLike) -> float:
    """GiB that the card must have by expectation: tensors at the peak and what the process needs beside them."""
    return estimate.allocated_gib + beside_gib(estimate)


def need_gib(estimate: EstimateLike) -> float:
    """GiB that the card must have for the run to fit for sure: the same with the high end of the interval."""
    return estimate.high_gib + beside_gib(estimate)


class Preferences(Struct, frozen=True):
    """What the person wants of the advice.

    Attributes:
        prefer: what weighs most; empty for the balance of `knowledge/ranking.yaml`.
        keep: facts that must stay as they are (`batch_size`, `method` ...).
        forbid: remedies by id, or by a word of their id (`offload` forbids every offload).
    """

    prefer: Prefer = ""
    keep: tuple[str, ...] = ()
    forbid: tuple[str, ...] = ()


class Candidate(Struct, frozen=True):
    """A remedy that rules argue for.

    Attributes:
        support: 0 to 1, how strongly the rules argue for it, taken together.
        against: 0 to 1, how strongly they argue against it.
        score: 0 to 1, support less what argues against it and what it costs, before any saving is known.
        firings: the rules behind `support`, the strongest first.
        objections: the rules behind `against`.
    """

    remedy: Remedy
    score: float
    support: float
    against: float = 0.0
    firings: tuple[Firing, ...] = ()
    objections: tuple[Firing, ...] = ()


class Savings(Struct, frozen=True):
    """GiB that a remedy saves of the process's peak: an interval around the expected figure."""

    low: float
    expected: float
    high: float


class RankedRemedy(Struct, frozen=True):
    """A remedy in its place of the ranking.

    Attributes:
        edit: the setting that is meant; None where the remedy can't be written as a change of the specification.
        changed: the facts that the setting changes, with their new values.
        saves, peak_after_gib, fits: None where no estimate can be made; `peak_after_gib` is the process's expected peak,
            `fits` is true where the interval's high end is within the capacity, and None where only the expected peak is.
    """

    remedy: Remedy
    score: float
    firings: tuple[Firing, ...] = ()
    objections: tuple[Firing, ...] = ()
    edit: Edit | None = None
    changed: Mapping[str, FactValue] = field(default_factory=dict)
    saves: Savings | None = None
    peak_after_gib: float | None = None
    fits: bool | None = None


class Step(Struct, frozen=True):
    """One remedy of a plan, with the facts that it changes and their new values."""

    remedy: Remedy
    edit: Edit
    changed: Mapping[str, FactValue]


class Plan(Struct, frozen=True):
    """Remedies applied together.

    Attributes:
        name: cheapest, keep-quality, keep-speed, one-change; `closest` for the best that does not fit.
        spec: the specification after all steps.
        peak_gib: expected peak of the process; `need_gib` is what the card must have for it to fit for sure.
        fits: `need_gib` is within the capacity.
        cost: what the plan costs by the weights of the ranking; only comparable with other plans of the same case.
        proven: no cheaper set fits; false when the search was stopped by its budget.
    """

    name: str
    steps: tuple[Step, ...]
    spec: Spec
    peak_gib: float
    need_gib: float
    fits: bool
    cost: float
    proven: bool = True


class Hardware(Struct, frozen=True):
    """The smallest hardware on which a specification fits: `count` cards of at least `memory_gib` usable memory each.

    Attributes:
        card: the smallest known card that is large enough; empty when none is.
        steps: remedies that are applied first; empty for the run as it is.
        sharding: the remedy by which several cards share the run (`zero3`), empty for one card.
    """

    card: str
    memory_gib: float
    count: int
    need_gib: float
    steps: tuple[str, ...] = ()
    sharding: str = ""


class Outcome(Struct, frozen=True):
    """The advice: ranked remedies, plans (the recommended first), and the smallest hardware.

    Attributes:
        plans: empty when nothing can be estimated, when the capacity is unknown, or when the run already fits.
        smallest_hardware: for the run as it is and for the run with everything that helps; empty when nothing can be estimated.
        estimate: the (corrected) estimate of the run as it is; None when too little is known.
        missing: facts without which no estimate can be made.
        raising: remedies that rules argue for and that would make this very run need more.
    """

    ranked: tuple[RankedRemedy, ...]
    plans: tuple[Plan, ...] = ()
    smallest_hardware: tuple[Hardware, ...] = ()
    estimate: EstimateLike | None = None
    missing: tuple[str, ...] = ()
    estimates_made: int = 0
    raising: tuple[RankedRemedy, ...] = ()
