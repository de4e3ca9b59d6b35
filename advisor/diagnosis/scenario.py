"""What if: a case with some of its remedies switched on, estimated again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from advisor.errors import AdvisorError
from advisor.estimate import Estimate
from advisor.facts import FactValue
from advisor.plan import beside_gib
from advisor.plan.edit import changes_of, settings
from advisor.records import Edit, Remedy
from advisor.wording import word

if TYPE_CHECKING:
    from advisor.diagnosis import Case


class Scenario(Struct, frozen=True):
    """A case after some remedies.

    Attributes:
        steps: the remedies' ids, in the order in which they were applied.
        words: the specification after them.
        estimate: None where nothing can be estimated.
        time_factor: product of the remedies' step-time factors.
        without_effect: remedies whose edit changes nothing that the estimate knows.
    """

    steps: tuple[str, ...]
    words: Mapping[str, FactValue]
    estimate: Estimate | None
    time_factor: float
    without_effect: tuple[str, ...]

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


def scenario_of(case: Case, chosen: Sequence[str]) -> Scenario:
    """The case with the remedies of these ids applied in this order; unknown ids are left out."""
    words: dict[str, FactValue] = dict(case.specification.words)
    steps, idle, factor = [], [], 1.0
    for name in chosen:
        remedy = case.library.remedies.get(name)
        if remedy is None:
            continue
        changed = changes_of(edit, words) if (edit := _edit(case, remedy, words)) is not None else {}
        if not changed:
            idle.append(name)
        words |= changed
        steps.append(name)
        factor *= remedy.time.factor
    estimate: Estimate | None
    try:
        estimate = case.estimated(words) if case.estimate is not None else None
    except AdvisorError:
        estimate = None
    return Scenario(tuple(steps), words, estimate, factor, tuple(idle))


def _edit(case: Case, remedy: Remedy, words: Mapping[str, FactValue]) -> Edit | None:
    for ranked in case.outcome.ranked:
        if ranked.remedy.id == remedy.id and ranked.edit is not None:
            return ranked.edit
    return next(iter(settings(remedy, words)), None)


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
