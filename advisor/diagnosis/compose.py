"""A case put into words: the report in the person's language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from advisor.diagnosis.changes import changes_for
from advisor.diagnosis.largest import largest_of
from advisor.diagnosis.largest import sentence as largest_said
from advisor.diagnosis.questions import questions
from advisor.diagnosis.reasons import reasons, weight_of
from advisor.diagnosis.rewrite import Pasted, steps_of, steps_of_plan
from advisor.diagnosis.sentences import sentence
from advisor.diagnosis.verdict import card_name, verdict
from advisor.engine import Firing
from advisor.facts import PSEUDO_FACTS, VRAM_KINDS, FactValue, Lang
from advisor.formula_words import formula, warning
from advisor.plan import beside_gib, host_ram_gib, need_gib, peak_gib
from advisor.plan.hardware import COUNTS
from advisor.plan.reconcile import corrected, dynamic_scale, weights_elsewhere
from advisor.report import (
    Cause,
    Change,
    Component,
    Diagnosis,
    EstimateReport,
    Evidence,
    Failure,
    Held,
    Largest,
    PlanReport,
    RemedyReport,
    Saving,
    SourceReport,
    Step,
)
from advisor.rule import stratum_name
from advisor.units import format_gib
from advisor.wording import word

if TYPE_CHECKING:
    from advisor.diagnosis import Case
    from advisor.estimate import Estimate
    from advisor.plan import Plan, RankedRemedy
    from advisor.records import Remedy

MIN_CONFIDENCE = 0.05
MIN_HELD_GIB = 1 / 1024
NOTEWORTHY = 1.05  # of a correction by the message
_OF_A_STEP = frozenset(
    {"logits", "attention_scores", "mlp_activation", "hidden_states"}
)  # tensors that no loading asks for
MAX_CONTEXT_GIB = 4.0  # beside its tensors; a process that holds more shares its card with an engine of its own
MAX_OWN_WORDS = 8  # remedies whose change is shown as it would stand in the text


def compose(case: Case, apply: Sequence[str] = (), name: str = "") -> Diagnosis:
    """The report of a case.

    Args:
        apply: remedies to be written into what was pasted; the plan's where none is named.
        name: of the file that the text came from; empty for a paste.

    Raises:
        InputError: `apply` names a remedy that does not exist.
    """
    pasted = Pasted(case) if case.kind in VRAM_KINDS or apply else None
    steps = steps_of(case, apply) if apply else steps_of_plan(case)
    largest = largest_of(case)
    failure = Failure(case.kind, str(case.facts.get("phase", "")), case.confidence)
    estimate = _estimate(case)
    # Who asks what fits has no run yet that could be changed.
    ranking = case.outcome.ranked if case.estimate is not None or not largest else ()
    remedies = tuple(
        _remedy(case, ranked, index, pasted, reason)
        for index, (ranked, reason) in enumerate(zip(ranking, reasons(case, ranking), strict=True), 1)
    )
    plans = tuple(_plan(case, plan, pasted) for plan in case.outcome.plans)
    used = _sources(case, remedies)
    held = _held(case)
    return Diagnosis(
        lang=case.lang,
        failure=failure,
        verdict=_verdict(case, failure, estimate, held, plans, largest),
        facts=case.facts,
        evidence=_evidence(case),
        causes=_causes(case),
        estimate=estimate,
        remedies=remedies,
        plan=plans[0] if plans else None,
        plans=plans,
        hardware=_hardware(case),
        questions=_questions(case, largest),
        trace=tuple(_step(case, firing) for firing in case.trace.firings),
        sources=used,
        redactions=case.redactions,
        held=held,
        edit=pasted.rewrite(steps, name) if pasted is not None and steps else None,
        largest=largest,
        respected=tuple(wish.report(case.lang) for wish in case.wishes) if case.kind in VRAM_KINDS else (),
    )


def _verdict(
    case: Case,
    failure: Failure,
    estimate: EstimateReport | None,
    held: Held | None,
    plans: Sequence[PlanReport],
    largest: Sequence[Largest],
) -> str:
    answers = " ".join(largest_said(item, case.facts, case.lang) for item in largest)
    if answers and case.kind == "question":
        return answers  # what the run at a batch that nobody named needs was not asked
    said = verdict(failure, case.facts, None if case.is_disproved else estimate, case.lang, held) + _asked(case)
    return f"{said} {answers}" if answers else said + _way(case, plans)


def _way(case: Case, plans: Sequence[PlanReport]) -> str:
    """What a question comes down to: with which changes the run fits."""
    if case.kind != "question" or not plans or not plans[0].fits:
        return ""
    titles = " + ".join(plans[0].titles)
    return word("verdict.question_plan", case.lang, titles=titles, peak=format_gib(plans[0].peak_gib))


def _asked(case: Case) -> str:
    if case.asked is None:
        return ""
    from advisor.diagnosis.asked import sentence as said

    return said(case.asked, case.facts, case.library, case.lang)


def _estimate(case: Case) -> EstimateReport | None:
    found = case.estimate
    if found is None:
        return None
    components = [
        Component(c.id, word(f"component.{c.id}", case.lang), c.gib, formula(c.explain(), case.lang))
        for c in found.components
    ]
    beside = beside_gib(found)
    if beside > 0.005:
        name = "engine" if beside > MAX_CONTEXT_GIB else "context"
        components.append(Component(name, word(f"component.{name}", case.lang), beside))
    assumed = {**found.assumed, **case.specification.assumed}
    return EstimateReport(
        allocated_gib=found.allocated_gib,
        reserved_gib=found.reserved_gib,
        process_gib=found.process_gib,
        low_gib=found.low_gib,
        high_gib=found.high_gib,
        need_gib=peak_gib(found),
        need_low_gib=found.low_gib + beside,
        need_high_gib=need_gib(found),
        components=tuple(components),
        assumed={name: value for name, value in assumed.items() if name not in case.facts},
        capacity_gib=case.capacity_gib,
        fits=None if case.capacity_gib is None else need_gib(found) <= case.capacity_gib,
        phase=found.phase,
        warnings=(*(warning(text, case.lang) for text in found.warnings), *_doubts(case, found)),
    )


def _doubts(case: Case, estimate: Estimate) -> Iterator[str]:
    """What the message says against the estimate."""
    if case.is_disproved:
        yield word("estimate.disproved", case.lang)
    scale = dynamic_scale(case.facts, estimate)
    if scale > NOTEWORTHY and case.outcome.ranked:
        yield word("estimate.raised", case.lang, need=format_gib(peak_gib(corrected(estimate, scale))))
    elsewhere = weights_elsewhere(case.facts, estimate, case.asked is not None and case.asked.tensor.id in _OF_A_STEP)
    if elsewhere is not None:
        held, weights = map(format_gib, elsewhere)
        yield word("estimate.weights_elsewhere", case.lang, held=held, weights=weights)


def _held(case: Case) -> Held | None:
    if case.witness is None or not case.held:
        return None
    parts = tuple(Component(part.id, word(f"component.{part.id}", case.lang), part.gib) for part in case.held)
    total = sum(part.gib for part in parts)
    return Held(case.witness.source, total, parts) if total > MIN_HELD_GIB else None


def _evidence(case: Case) -> tuple[Evidence, ...]:
    rows = []
    for item in case.resolution.evidence:
        if item.fact in PSEUDO_FACTS:
            continue
        used = case.facts.get(item.fact) == item.value
        rows.append(Evidence(item.fact, item.value, item.line, item.quote, item.origin, used))
    return tuple(sorted(rows, key=lambda row: (not row.used, row.line)))


def _causes(case: Case) -> tuple[Cause, ...]:
    found = []
    for name, confidence in sorted(case.trace.causes.items(), key=lambda item: -item[1]):
        if confidence < MIN_CONFIDENCE:
            continue
        firing = max(case.trace.cause_rules[name], key=lambda firing: weight_of(firing, name))
        reason = sentence(firing.rule.because, case.trace.facts, case.lang)
        found.append(Cause(name, word(f"cause.{name}", case.lang), confidence, reason, firing.rule.id))
    return tuple(found)


def _remedy(case: Case, ranked: RankedRemedy, rank: int, pasted: Pasted | None, reason: str) -> RemedyReport:
    remedy, lang = ranked.remedy, case.lang
    firings: Sequence[Firing] = ranked.firings
    after = {**case.specification.words, **case.stated_words, **ranked.changed}
    rules = tuple(dict.fromkeys(firing.rule.id for firing in firings))
    sources = dict.fromkeys([*remedy.sources, *(source for firing in firings for source in firing.rule.sources)])
    saving = ranked.saves
    return RemedyReport(
        rank=rank,
        id=remedy.id,
        title=sentence(remedy.title, after, lang),
        what=sentence(remedy.what, after, lang),
        because=reason,
        changes=_changes(case, ranked, after, pasted if rank <= MAX_OWN_WORDS else None),
        time_cost=remedy.time.factor,
        quality_risk=remedy.quality_risk,
        effort=remedy.effort,
        rules=rules,
        sources=tuple(sources),
        saves=Saving(saving.low, saving.expected, saving.high) if saving else None,
        peak_after_gib=ranked.peak_after_gib,
        fits=ranked.fits,
        set=ranked.changed,
    )


def _changes(
    case: Case, ranked: RankedRemedy, after: Mapping[str, FactValue], pasted: Pasted | None
) -> tuple[Change, ...]:
    """The changes of a remedy; the first as it would stand in what was pasted, where it has a place there."""
    changes = changes_for(ranked.remedy, after, case.library, case.lang)
    return _in_own_words(changes, ranked.remedy, ranked.changed, pasted)


def _in_own_words(
    changes: tuple[Change, ...], remedy: Remedy, changed: Mapping[str, FactValue], pasted: Pasted | None
) -> tuple[Change, ...]:
    written = pasted.settings(remedy, changed) if pasted is not None and changes else None
    if written is None or not written.settings:
        return changes
    first, text = changes[0], written.joined()
    same = next((change for change in changes if change.text == text), None)
    if same is not None:  # one of them is as it would stand there
        return (same, *(change for change in changes if change is not same))
    return (Change(first.framework, text, written.kind, first.note, first.source), *changes[1:])


def _plan(case: Case, plan: Plan, pasted: Pasted | None) -> PlanReport:
    words: dict[str, FactValue] = {**case.facts, **plan.spec, **case.stated_words, **_changed(case, plan)}
    changes: list[Change] = []
    for step in plan.steps:
        found = changes_for(step.remedy, words, case.library, case.lang)[:1]
        changes += _in_own_words(found, step.remedy, step.changed, pasted)
    changed = _changed(case, plan)
    steps = tuple(step.remedy.id for step in plan.steps)
    titles = tuple(sentence(step.remedy.title, words, case.lang) for step in plan.steps)
    ram = max((host_ram_gib(step.remedy, words) for step in plan.steps), default=0.0)
    return PlanReport(plan.name, steps, titles, plan.peak_gib, plan.fits, tuple(changes), changed, ram, plan.proven)


def _changed(case: Case, plan: Plan) -> dict[str, FactValue]:
    """The facts that a plan changes, with their new values."""
    before = case.specification.words
    return {name: value for name, value in plan.spec.items() if before.get(name) != value}


def _hardware(case: Case) -> str:
    """The smallest hardware in a sentence: for the run as it is, and with what helps when nothing fits this card."""
    if {"more_gpus", "bigger_gpu"} <= set(case.preferences.forbid) and any(plan.fits for plan in case.outcome.plans):
        return ""  # nobody wants to hear of it, and nobody must
    choices: dict[bool, list[str]] = {}
    for found in case.outcome.smallest_hardware:
        if not found.card:
            continue
        cards = found.card if found.count == 1 else f"{found.count} x {found.card}"
        if found.sharding:
            title = case.library.remedies[found.sharding].title.get(case.lang, found.sharding)
            cards += word("hardware.sharded", case.lang, how=title)
        choices.setdefault(bool(found.steps), []).append(cards)
    sentences = []
    estimate = case.outcome.estimate
    if False not in choices and estimate is not None and case.capacity_gib is not None and not case.is_disproved:
        most = {"need": format_gib(need_gib(estimate)), "count": COUNTS[-1], "card": card_name(case.facts, case.lang)}
        if need_gib(estimate) > case.capacity_gib:
            sentences.append(word("hardware.none", case.lang, **most))
    for changed, names in choices.items():
        key = "hardware.with_changes" if changed else "hardware.as_is"
        sentences.append(word(key, case.lang, cards=word("or", case.lang).join(names)))
    return " ".join(sentences)


def _questions(case: Case, largest: Sequence[Largest]) -> tuple[Any, ...]:
    if case.kind not in VRAM_KINDS or (case.estimate is None and any(item.fact == "params_b" for item in largest)):
        return ()
    found = case.estimate
    assumed: dict[str, FactValue] = {**found.assumed, **case.specification.assumed} if found else {}
    for fact in case.resolution.largest:
        assumed.pop(fact, None)  # that is what the person asks

    def need(words: Mapping[str, FactValue]) -> float:
        return peak_gib(case.estimated(words))

    return questions(
        case.facts, assumed, case.specification.words, need, case.missing, case.lang, case.specification.assumed
    )


def _step(case: Case, firing: Firing) -> Step:
    rule = firing.rule
    conditions = [f"{condition}" for condition in rule.when]
    for branch in rule.any:
        if all(condition.holds(case.trace.facts) for condition in branch):
            conditions += [f"{condition}" for condition in branch]
            break
    concluded = [f"{c.kind} {c.id}" + ("" if c.kind == "derive" else f" {c.weight:g}") for c in rule.then]
    reason = sentence(rule.because, case.trace.facts, case.lang)
    return Step(rule.id, stratum_name(rule), reason, tuple(conditions), tuple(concluded), rule.sources, rule.path)


def _sources(case: Case, remedies: Sequence[RemedyReport]) -> tuple[SourceReport, ...]:
    ids = dict.fromkeys(source for remedy in remedies for source in remedy.sources)
    lang: Lang = case.lang
    found = []
    for name in ids:
        source = case.library.sources.get(name)
        if source is not None:
            found.append(SourceReport(name, source.title.get(lang, name), source.url))
    return tuple(found)
