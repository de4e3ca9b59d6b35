"""From arguments to advice: remedies ranked with what they save, the cheapest set that fits, the smallest hardware."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import islice
from typing import Any

from msgspec.structs import replace

from advisor.errors import TooLittleKnown
from advisor.facts import FactValue
from advisor.library import Library
from advisor.plan.edit import (
    already_on,
    applicable,
    apply,
    changes_nothing,
    changes_of,
    forbidden,
    needs,
    offered,
    settings,
    tailored,
)
from advisor.plan.hardware import smallest_hardware, usual_cards
from advisor.plan.memory import assumed_sizes
from advisor.plan.meter import Meter
from advisor.plan.outcome import (
    Candidate,
    EstimateLike,
    Hardware,
    Outcome,
    Plan,
    Preferences,
    RankedRemedy,
    Savings,
    Spec,
    Step,
    beside_gib,
    need_gib,
    peak_gib,
)
from advisor.plan.rank import Weights, candidates_of, with_saving
from advisor.plan.search import Option, Search
from advisor.records import Edit, Remedy

__all__ = [
    "Candidate", "EstimateLike", "Hardware", "Outcome", "Plan", "Preferences", "RankedRemedy", "Savings",
    "Step", "Weights", "already_on", "applicable", "apply", "beside_gib", "candidates_of", "forbidden", "host_ram_gib",
    "make_plan", "need_gib", "peak_gib", "settings", "usual_cards",
]  # fmt: skip

RAISES = 1.005  # a setting with which a run needs more than that, relative to before, is no step of a plan
SAVES_NOTHING = 0.05  # GiB
BUDGET = 170  # estimates of the main search; each narrower one may make a third as many


def make_plan(
    spec: Mapping[str, FactValue],
    candidates: Sequence[Candidate],
    estimate: Callable[[Mapping[str, Any]], EstimateLike],
    capacity_gib: float | None,
    preferences: Preferences | None = None,
    library: Library | None = None,
    *,
    tried: Collection[str] = (),
    asked: Collection[str] = (),
) -> Outcome:
    """Ranks the candidates and finds the plans.

    Args:
        spec: the facts that describe the run; only what is known.
        candidates: from `candidates_of`, the best first.
        estimate: specification to estimate; raises TooLittleKnown, and then the ranking comes without savings and without plans.
        capacity_gib: usable memory of the card, None when it is not known.
        preferences: what weighs most, and what the person wants to keep or forbids.
        library: the weights of the ranking, the remedies that no rule argues for but that a plan may need, and the cards for the
            smallest hardware; without it built-in weights are used, plans hold candidates only, and no hardware is named.
        tried: remedies that the text says are on or were tried in vain; no plan holds them.
        asked: facts that a question is about ("full fine-tuning at 4k"): the first plan keeps them, if any plan can.
    """
    wanted = preferences or Preferences()
    scale = Weights.of(library.settings.get("ranking") if library else None, wanted.prefer)
    cards = usual_cards(library) if library else []
    remedies = library.remedies if library else {}
    allowed = [item for item in candidates if not forbidden(item.remedy, wanted)]
    meter = Meter(estimate)
    try:
        base = meter(spec)
    except TooLittleKnown as error:
        ranked = tuple(_unmeasured(item, spec) for item in allowed)
        return Outcome(ranked, missing=error.missing, estimates_made=meter.made)
    filled = {**base.assumed, **spec}
    missing_gib = need_gib(base) - capacity_gib if capacity_gib is not None else 0.0
    # Switches and methods that the program has by default are on; a size that it would have says nothing of this run.
    switches = {name: value for name, value in spec.items() if isinstance(value, bool | str)}
    allowed = [item for item in allowed if not _in_force(item.remedy, spec) and not already_on(item.remedy, switches)]
    ranked_list = [_measured(item, meter, spec, filled, base, capacity_gib, missing_gib, scale) for item in allowed]
    raising = tuple(item for item in ranked_list if _raises(item, base))
    ranked_list = [item for item in ranked_list if item not in raising]
    ranked_list.sort(key=lambda item: -item.score)
    plans: list[Plan] = []
    strongest: Plan | None = None
    if capacity_gib is not None and missing_gib > 0:
        plans, strongest = _plans(
            [*allowed, *_others(allowed, library, filled, wanted, {*tried, *scale.argued_only})],
            meter,
            spec,
            filled,
            capacity_gib,
            scale,
            frozenset(asked),
        )
        plans = _preferred_first(plans, wanted)
    hardware = smallest_hardware(meter, spec, (), capacity_gib, cards, remedies)
    if strongest is not None and not strongest.fits:
        hardware += smallest_hardware(
            meter, strongest.spec, tuple(step.remedy.id for step in strongest.steps), capacity_gib, cards, remedies
        )
    return Outcome(tuple(ranked_list), tuple(plans), tuple(hardware), base, (), meter.made, raising)


def _others(
    candidates: Sequence[Candidate],
    library: Library | None,
    spec: Spec,
    wanted: Preferences,
    without: Collection[str],
) -> list[Candidate]:
    """Remedies that no rule argues for and that can be done: without them "it does not fit" would say too much."""
    if library is None:
        return []
    known = {item.remedy.id for item in candidates} | set(without)
    program = library.frameworks.get(str(spec.get("framework", "")))
    is_it = program is not None and (not program.tasks or spec.get("task", program.tasks[0]) in program.tasks)
    framework = program.id if program is not None and is_it else ""
    argued_against = {other for item in candidates for other in item.remedy.excludes}
    return [
        Candidate(tailored(remedy, framework, library), 0.0, 0.0)
        for remedy in library.remedies.values()
        if remedy.edit
        and remedy.id not in known
        and remedy.id not in argued_against
        and known.isdisjoint(remedy.excludes)
        and remedy.effort != "hardware"
        and applicable(remedy, spec)
        and all(condition.holds(spec) for condition in needs(remedy))
        and not already_on(remedy, spec)
        and not forbidden(remedy, wanted)
        and offered(remedy, framework, library)
    ]


def _in_force(remedy: Remedy, spec: Spec) -> bool:
    """Whether every setting leaves the run as it is, by what is known of it: stated, or a default of its framework.

    A size that the framework has by default says nothing: such remedies pass.
    """
    return not any(edit.halve for edit in remedy.edit) and changes_nothing(remedy, spec)


def _unmeasured(candidate: Candidate, spec: Spec) -> RankedRemedy:
    """The candidate without figures, in its mildest setting that changes the run."""
    edit = next(settings(candidate.remedy, spec), None)
    changed = changes_of(edit, spec) if edit is not None else {}
    return RankedRemedy(candidate.remedy, candidate.score, candidate.firings, candidate.objections, edit, changed)


def _spec_after(edit: Edit, spec: Spec, filled: Spec) -> dict[str, FactValue]:
    return {**spec, **changes_of(edit, filled)}


def _measured(
    candidate: Candidate,
    meter: Meter,
    spec: Spec,
    filled: Spec,
    base: EstimateLike,
    capacity_gib: float | None,
    missing_gib: float,
    weights: Weights,
) -> RankedRemedy:
    """The candidate with the setting that is meant: the mildest that fits alone, else the one that saves most."""
    if any(condition.field not in filled for condition in needs(candidate.remedy)):
        return _unmeasured(candidate, filled)  # how many cards divide the run decides what dividing it saves
    choices = list(islice(settings(candidate.remedy, filled), weights.settings(candidate.remedy)))
    wants = _Needs(meter, [_spec_after(edit, spec, filled) for edit in choices])
    gentle = candidate.remedy.quality_risk in ("medium", "high")
    index = _chosen(wants, capacity_gib, len(choices), gentle=gentle)
    after = meter.try_(wants.specs[index]) if index is not None else None
    if index is None or after is None or _unseen(base, after):
        return _unmeasured(candidate, filled)
    saved = peak_gib(base) - peak_gib(after)
    # The error of an estimate is mostly common to before and after, so the saving is as unsure as the estimate, in proportion.
    low, high = (gib / (base.allocated_gib or 1.0) for gib in (base.low_gib, base.high_gib))
    savings = Savings(saved * low, saved, saved * high) if saved > 0 else Savings(0.0, 0.0, 0.0)
    trust = _trust(candidate.remedy, base, missing_gib, capacity_gib, weights)
    score = with_saving(candidate.score, saved, missing_gib, weights, trust)
    changed = changes_of(choices[index], filled)
    return replace(
        _unmeasured(candidate, filled),
        score=score,
        edit=choices[index],
        changed=changed,
        saves=savings,
        peak_after_gib=peak_gib(after),
        fits=_fits(after, capacity_gib),
    )


def _fits(after: EstimateLike, capacity_gib: float | None) -> bool | None:
    """Whether it fits for sure, or surely not; None between, where the expected peak is within the capacity and the high end is not."""
    if capacity_gib is None:
        return None
    if need_gib(after) <= capacity_gib:
        return True
    return None if peak_gib(after) <= capacity_gib else False


def _raises(item: RankedRemedy, base: EstimateLike) -> bool:
    """Whether the remedy makes this very run need more, as QLoRA does where its fp32 activations outweigh its weights."""
    return item.peak_after_gib is not None and item.peak_after_gib > 1.01 * peak_gib(base)


def _unseen(before: EstimateLike, after: EstimateLike) -> bool:
    """Whether the estimator does not know what the remedy changes: no figure of any phase has moved."""
    same = before.process_gib == after.process_gib and before.allocated_gib == after.allocated_gib
    return same and before.phases == after.phases


def _trust(
    remedy: Remedy, base: EstimateLike, missing_gib: float, capacity_gib: float | None, weights: Weights
) -> float:
    """How far the estimate is of the run in question: not at all where it fits, or where what the remedy changes was assumed."""
    if capacity_gib is not None and missing_gib <= 0:
        return 0.0
    touched = {name for edit in remedy.edit for name in (*edit.set, *edit.halve)}
    if touched & set(base.assumed):
        return 0.0
    return float(weights.doubt_per_size ** len(assumed_sizes(base)))


class _Needs:
    """What each of several settings needs, estimated when asked."""

    def __init__(self, meter: Meter, specs: list[dict[str, FactValue]]) -> None:
        self._meter = meter
        self.specs = specs

    def __getitem__(self, index: int) -> float:
        return self._meter.need(self.specs[index])


def _chosen(needs: _Needs, capacity_gib: float | None, count: int, *, gentle: bool) -> int | None:
    """The setting that is meant: the mildest that fits; where none does the strongest, or the mildest if it costs quality (`gentle`)."""
    if not count:
        return None
    best = min(range(count), key=lambda index: needs[index]) if count <= 3 else count - 1
    if capacity_gib is None:
        return 0 if needs[0] < float("inf") else best
    if needs[best] > capacity_gib:
        return 0 if gentle else best
    low, high = 0, best  # settings grow stronger, so the mildest that fits is found by bisection
    while low < high:
        middle = (low + high) // 2
        if needs[middle] <= capacity_gib:
            high = middle
        else:
            low = middle + 1
    return high


def _plans(
    candidates: Sequence[Candidate],
    meter: Meter,
    spec: Spec,
    filled: Spec,
    capacity_gib: float,
    weights: Weights,
    asked: frozenset[str] = frozenset(),
) -> tuple[list[Plan], Plan | None]:
    """The recommended plan first, then those that keep quality, keep speed, or take one change; only distinct ones."""
    options = []
    before = meter.need(spec)
    for item in candidates:
        if item.remedy.effort == "hardware" or not _enough_host_ram(item.remedy, filled, weights):
            continue
        for index, edit in enumerate(islice(settings(item.remedy, filled), weights.settings(item.remedy))):
            if meter.need(_spec_after(edit, spec, filled)) > before * RAISES:
                continue  # right for another fault (a larger share for the cache), or in another run
            options.append(Option(weights.in_plan(item.remedy, item.score, index), item.remedy, edit))
    searched = Search(meter, spec, filled, capacity_gib, BUDGET).run("cheapest", options)
    if searched.plan is None:
        return [], None
    first: list[Plan] = []
    if asked:
        faithful = [option for option in options if option.touched.isdisjoint(asked)]
        if len(faithful) < len(options):
            kept = Search(meter, spec, filled, capacity_gib, BUDGET).run("as-asked", faithful)
            first = [kept.plan] if kept.plan is not None and kept.plan.fits else []
    plans = [*first, searched.plan]
    if not searched.plan.fits:
        lean = _lean(searched.plan, meter, spec, filled)
        return [lean], lean
    calm = [option for option in options if option.remedy is not None and option.remedy.quality_risk == "none"]
    fast = [option for option in options if option.remedy is not None and option.remedy.time.factor <= 1.1]
    for name, narrower, broken in (
        ("keep-quality", calm, any(step.remedy.quality_risk != "none" for step in searched.plan.steps)),
        ("keep-speed", fast, any(step.remedy.time.factor > 1.1 for step in searched.plan.steps)),
    ):
        if broken:
            other = Search(meter, spec, filled, capacity_gib, BUDGET // 3).run(name, narrower)
            if other.plan is not None and other.plan.fits:
                plans.append(other.plan)
    single = [option for option in options if option.remedy is not None and option.remedy.effort == "flag"]
    for option in sorted(single, key=lambda item: item.cost) if len(searched.plan.steps) > 1 else ():
        if option.edit is not None and option.remedy is not None:
            after = _spec_after(option.edit, spec, filled)
            if (need := meter.need(after)) <= capacity_gib:
                step = Step(option.remedy, option.edit, changes_of(option.edit, filled))
                plans.append(Plan("one-change", (step,), after, peak_gib(meter(after)), need, True, option.cost))
                break
    return _distinct(plans), searched.strongest


_NAMED_BY = {"quality": "keep-quality", "speed": "keep-speed", "least-effort": "one-change"}


def _preferred_first(plans: list[Plan], wanted: Preferences) -> list[Plan]:
    """The plan that keeps what the person prefers goes first, after one that does as was asked."""
    name = _NAMED_BY.get(wanted.prefer, "")
    return sorted(plans, key=lambda plan: 0 if plan.name == "as-asked" else 1 if plan.name == name else 2)


def _lean(plan: Plan, meter: Meter, spec: Spec, filled: Spec) -> Plan:
    """A plan that does not fit, without the steps that save nothing beside the others, the costliest first."""
    steps = list(plan.steps)
    for step in reversed(plan.steps):
        fewer = [item for item in steps if item is not step]
        if fewer and meter.need(_spec_of(fewer, spec, filled)) <= plan.need_gib + SAVES_NOTHING:
            steps = fewer
    after = _spec_of(steps, spec, filled)
    estimate = meter.try_(after)
    peak = peak_gib(estimate) if estimate is not None else plan.peak_gib
    return replace(plan, steps=tuple(steps), spec=after, peak_gib=peak, need_gib=meter.need(after))


def _spec_of(steps: Sequence[Step], spec: Spec, filled: Spec) -> dict[str, FactValue]:
    """The specification after some steps; what stays assumed stays out of it."""
    after: dict[str, FactValue] = dict(filled)
    for step in steps:
        after = apply(step.edit, after)
    return {name: value for name, value in after.items() if name in spec or filled.get(name) != value}


def _distinct(plans: Sequence[Plan]) -> list[Plan]:
    seen, kept = set(), []
    for plan in plans:
        key = tuple(sorted(step.remedy.id for step in plan.steps))
        if key not in seen:
            seen.add(key)
            kept.append(plan)
    return kept


def host_ram_gib(remedy: Remedy, spec: Spec) -> float:
    """GiB of the machine's RAM that a remedy's offload takes; 0.0 for none, or where the model's size is not known."""
    params = spec.get("params_b")
    known = isinstance(params, int | float) and not isinstance(params, bool)
    return remedy.host_ram_gib_per_b_params * params if known else 0.0  # type: ignore[operator]


def _enough_host_ram(remedy: Remedy, spec: Spec, weights: Weights) -> bool:
    """Whether the machine's RAM, or the usual one where it is not told, can take what the remedy offloads."""
    ram = spec.get("host_ram_gib")
    known = isinstance(ram, int | float) and not isinstance(ram, bool)
    return host_ram_gib(remedy, spec) <= (ram if known else weights.host_ram_gib)  # type: ignore[operator]
