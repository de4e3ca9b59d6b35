"""What if: a case with some of its remedies switched on, each in one of its settings, estimated again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from msgspec import Struct, field

from advisor.errors import AdvisorError
from advisor.facts import FactValue
from advisor.plan import EstimateLike, Weights, beside_gib, need_gib, peak_gib
from advisor.plan.edit import changes_of, settings
from advisor.plan.reconcile import dynamic_scale, reconciled
from advisor.records import Edit
from advisor.wording import word

if TYPE_CHECKING:
    from advisor.diagnosis import Case


class Scenario(Struct, frozen=True):
    """A case after some remedies.

    Attributes:
        steps: the remedies' ids, in the order in which they were applied.
        words: the specification after them.
        estimate: corrected by the numbers of the message, as plans are; None where nothing can be estimated.
        time_factor: product of the remedies' step-time factors.
        without_effect: remedies whose edit changes nothing that the estimate knows.
        capacity_gib: usable memory of the card, None when it is not known.
        changed: the facts that the remedies change, with their new values.
    """

    steps: tuple[str, ...]
    words: Mapping[str, FactValue]
    estimate: EstimateLike | None
    time_factor: float = 1.0
    without_effect: tuple[str, ...] = ()
    capacity_gib: float | None = None
    changed: Mapping[str, FactValue] = field(default_factory=dict)

    def parts(self) -> dict[str, float]:
        """GiB by component, what the process holds beside its tensors included; they add up to what the card must have."""
        if self.estimate is None:
            return {}
        parts: dict[str, float] = {}
        for component in self.estimate.components:
            parts[component.id] = parts.get(component.id, 0.0) + component.gib
        beside = beside_gib(self.estimate)
        if beside > 0.005:
            parts["context"] = parts.get("context", 0.0) + beside
        return parts

    def interval(self) -> tuple[float, float]:
        """The 90 % interval of what the card must have, GiB; zeros where nothing can be estimated."""
        if self.estimate is None:
            return 0.0, 0.0
        beside = beside_gib(self.estimate)
        return self.estimate.low_gib + beside, self.estimate.high_gib + beside

    @property
    def peak_gib(self) -> float | None:
        """GiB that the card must have by expectation."""
        return None if self.estimate is None else peak_gib(self.estimate)

    @property
    def fits(self) -> bool | None:
        """Whether the interval's high end is within the card; None where either is not known."""
        if self.estimate is None or self.capacity_gib is None:
            return None
        return need_gib(self.estimate) <= self.capacity_gib


def scenario_of(case: Case, chosen: Sequence[str], edits: Mapping[str, Edit] | None = None) -> Scenario:
    """The case with the remedies of these ids applied in this order; unknown ids are left out.

    Args:
        edits: the setting of each remedy; where it has none, the one that `preferred` picks.
    """
    before: Mapping[str, FactValue] = case.specification.words
    words: dict[str, FactValue] = dict(before)
    steps, idle, factor = [], [], 1.0
    for name in chosen:
        remedy = case.library.remedies.get(name)
        if remedy is None:
            continue
        edit = (edits or {}).get(name) or preferred(case, words, name)
        changed = changes_of(edit, {**assumed(case), **words}) if edit is not None else {}
        if not changed:
            idle.append(name)
        words |= changed
        steps.append(name)
        factor *= remedy.time.factor
    after = {name: value for name, value in words.items() if before.get(name) != value}
    return Scenario(tuple(steps), words, _estimate(case, words), factor, tuple(idle), case.capacity_gib, after)


def _estimate(case: Case, words: Mapping[str, FactValue]) -> EstimateLike | None:
    if case.estimate is None:
        return None
    try:
        return reconciled(case.estimated, case.facts, case.estimate)(words)
    except AdvisorError:
        return None


def correction(case: Case) -> float:
    """By how much the message raised what the estimate says of everything but weights and states; 1.0 for not at all."""
    return 1.0 if case.estimate is None else dynamic_scale(case.facts, case.estimate)


def assumed(case: Case) -> dict[str, FactValue]:
    """What the estimate takes for granted because nobody said it."""
    found = dict(case.estimate.assumed) if case.estimate is not None else {}
    return {**found, **case.specification.assumed}


def settings_of(case: Case, words: Mapping[str, FactValue], remedy: str) -> tuple[Edit, ...]:
    """The settings of a remedy that change a run of these `words`, the mildest first; as many as plans consider."""
    found = case.library.remedies.get(remedy)
    if found is None:
        return ()
    limit = Weights.of(case.library.settings.get("ranking")).settings(found)
    return tuple(islice(settings(found, {**assumed(case), **words}), limit))


def preferred(case: Case, words: Mapping[str, FactValue], remedy: str) -> Edit | None:
    """The mildest setting with which a run of these `words` fits; else the strongest, or the mildest where quality suffers."""
    choices = settings_of(case, words, remedy)
    if not choices:
        return None
    filled = {**assumed(case), **words}
    needs = []
    for edit in choices:
        found = _estimate(case, {**words, **changes_of(edit, filled)})
        needs.append(float("inf") if found is None else need_gib(found))
        if case.capacity_gib is not None and needs[-1] <= case.capacity_gib:
            return edit
    gentle = case.library.remedies[remedy].quality_risk in ("medium", "high")
    if gentle or case.capacity_gib is None:
        return choices[0]
    return choices[min(range(len(needs)), key=lambda index: needs[index])]


def conflict(case: Case, chosen: Sequence[str], remedy: str) -> str:
    """Why the remedy can't be switched on beside the chosen ones, in the case's language; empty when it can."""
    known = case.library.remedies
    if remedy not in known:
        return word("scenario.unknown", case.lang, remedy=remedy)
    for other in chosen:
        if other in known[remedy].excludes or (other in known and remedy in known[other].excludes):
            titles = {
                "remedy": known[remedy].title.get(case.lang, remedy),
                "other": known[other].title.get(case.lang, other),
            }
            return word("scenario.excludes", case.lang, **titles)
    return ""
