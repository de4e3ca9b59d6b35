"""The order of advice: one scoring function whose weights stand in knowledge/ranking.yaml."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from advisor.engine import Firing, Trace
from advisor.plan.edit import already_on, applicable, changes_nothing, forbidden
from advisor.plan.outcome import Candidate, Preferences
from advisor.records import Remedy


class Weights(Struct, frozen=True):
    """The weights of the ranking; the reason for each stands beside it in knowledge/ranking.yaml.

    Attributes:
        time, quality, effort: how much of the score a cost takes away: time per doubling of the step time, the others by word.
        against: how much of the score a full objection takes away.
        least_progress: what a remedy keeps of its score when it saves nothing of what is missing.
        no_saving: what remains of the score when the estimate says that it saves nothing at all.
        doubt_per_size: what each size of the run that had to be assumed leaves of the trust in the estimate.
        plan_step, plan_doubt: cost of one more step in a plan, and of a remedy that no rule argues for.
        plan_time: cost of each doubling of the step time in a plan, beside `time`.
        plan_setting: cost of each setting beyond the mildest (one more halving), by the remedy's risk for quality.
        max_settings: settings of one remedy that are considered, by its risk for quality.
        argued_only: remedies that no plan holds unless a rule argues for them.
        host_ram_gib: RAM of the machine that is taken for granted where it is not told.
        floor: remedies that score less are not shown.
    """

    time: float = 0.06
    quality: Mapping[str, float] = field(
        default_factory=lambda: {"none": 0.0, "low": 0.02, "medium": 0.08, "high": 0.2}
    )
    effort: Mapping[str, float] = field(
        default_factory=lambda: {"flag": 0.0, "config": 0.02, "code": 0.05, "hardware": 0.3}
    )
    against: float = 1.0
    least_progress: float = 0.8
    no_saving: float = 0.35
    doubt_per_size: float = 0.5
    plan_step: float = 0.15
    plan_doubt: float = 0.3
    plan_time: float = 0.12
    plan_setting: Mapping[str, float] = field(
        default_factory=lambda: {"none": 0.02, "low": 0.04, "medium": 0.15, "high": 0.3}
    )
    max_settings: Mapping[str, int] = field(default_factory=lambda: {"none": 6, "low": 6, "medium": 3, "high": 1})
    argued_only: Sequence[str] = ()
    host_ram_gib: float = 512.0
    floor: float = 0.04

    @classmethod
    def of(cls, settings: Mapping[str, Any] | None, prefer: str = "") -> Weights:
        """The weights of `knowledge/ranking.yaml`, with the block of the preference laid over them; unknown words are left out."""
        values: dict[str, Any] = {}
        for block in (settings or {}, ((settings or {}).get("prefer") or {}).get(prefer, {}) if prefer else {}):
            values |= {name: block[name] for name in cls.__struct_fields__ if name in block}
        return cls(**values)

    def cost(self, remedy: Remedy) -> float:
        """What a remedy costs, 0 for nothing: step time, quality and effort, each by its weight. A gain in time costs nothing."""
        return (
            self.time * max(0.0, math.log2(max(remedy.time.factor, 0.01)))
            + self.quality.get(remedy.quality_risk, 0.0)
            + self.effort.get(remedy.effort, 0.0)
        )

    def settings(self, remedy: Remedy) -> int:
        """How many of its settings are considered, the mildest first."""
        return self.max_settings.get(remedy.quality_risk, 1) * _fine(remedy)

    def in_plan(self, remedy: Remedy, score: float, setting: int) -> float:
        """What a remedy costs as a step of a plan: a step, the doubt whether it is right, its own cost, the strength of the setting."""
        further = setting / _fine(remedy) * self.plan_setting.get(remedy.quality_risk, 0.0)
        slower = self.plan_time * max(0.0, math.log2(max(remedy.time.factor, 0.01)))
        return self.plan_step + self.plan_doubt * (1 - score) + self.cost(remedy) + slower + further


def _fine(remedy: Remedy) -> int:
    return max((edit.fine for edit in remedy.edit), default=1)


def noisy_or(weights: Iterable[float]) -> float:
    """Independent grounds taken together: 1 - product of what each leaves in doubt; 0.0 without any."""
    doubt = 1.0
    for weight in weights:
        doubt *= 1 - min(1.0, max(0.0, weight))
    return 1 - doubt


def certainty(firing: Firing, trace: Trace) -> float:
    """How sure a rule's ground is: the least confidence among the causes that it rests on, 1.0 without any."""
    held = [
        trace.causes.get(condition.field.removeprefix("cause."), 1.0)
        for condition in firing.rule.when
        if condition.field.startswith("cause.") and condition.value is True
    ]
    return min(held, default=1.0)


def _weighed(arguments: Sequence[tuple[float, Firing]], trace: Trace) -> tuple[float, tuple[Firing, ...]]:
    weighed = sorted(
        ((weight * certainty(firing, trace), firing) for weight, firing in arguments), key=lambda item: -item[0]
    )
    return noisy_or(weight for weight, _ in weighed), tuple(firing for _, firing in weighed)


def score_of(support: float, against: float, cost: float, weights: Weights) -> float:
    """Support, less what argues against it, less what it costs; 0 to 1."""
    return max(0.0, support * (1 - weights.against * against) * max(0.0, 1 - cost))


def with_saving(score: float, saved_gib: float, missing_gib: float, weights: Weights, trust: float = 1.0) -> float:
    """The score once the saving is known: full for what closes the gap, less for what closes part of it, little for what saves nothing.

    Args:
        saved_gib: expected saving of the process's peak.
        missing_gib: what the run needs beyond the card; 0 or less when it fits or the card is unknown.
        trust: 0 to 1, how far the estimate is of the run that failed; at 0 the saving changes nothing.
    """
    if saved_gib <= 0.0:
        factor = weights.no_saving
    elif missing_gib <= 0.0:
        factor = 1.0
    else:
        factor = weights.least_progress + (1 - weights.least_progress) * min(1.0, saved_gib / missing_gib)
    return score * (1 - trust * (1 - factor))


def candidates_of(
    trace: Trace,
    remedies: Mapping[str, Remedy],
    preferences: Preferences | None = None,
    weights: Weights | None = None,
    fit: Callable[[Remedy], Remedy | None] | None = None,
) -> list[Candidate]:
    """The remedies that the rules argue for and that can still be done, the best first.

    Left out: what is already on or was tried, what does not apply, what the person does not want, what the rules do not know.

    Args:
        fit: a remedy as the program that ran can take it (`edit.offered`, `edit.tailored`), None where it can't.
    """
    wanted = preferences or Preferences()
    scale = weights or Weights()
    found = []
    for name, arguments in trace.for_remedy.items():
        remedy = remedies.get(name)
        if (
            remedy is None
            or already_on(remedy, trace.facts)
            or changes_nothing(remedy, trace.facts)
            or not applicable(remedy, trace.facts)
            or forbidden(remedy, wanted)
        ):
            continue
        remedy = remedy if fit is None else fit(remedy)
        if remedy is None:
            continue
        support, firings = _weighed(arguments, trace)
        against, objections = _weighed(trace.against_remedy.get(name, ()), trace)
        score = score_of(support, against, scale.cost(remedy), scale)
        if score >= scale.floor:
            found.append(Candidate(remedy, score, support, against, firings, objections))
    found.sort(key=lambda item: (-item.score, -item.support, item.remedy.id))
    return found
