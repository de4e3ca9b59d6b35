"""The remedies as switches: what each would still save beside those that are on, in which setting, and what speaks against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from advisor.diagnosis import Case
from advisor.diagnosis.changes import changes_for
from advisor.diagnosis.rewrite import Pasted, steps_of
from advisor.diagnosis.scenario import Scenario, conflict, scenario_of, settings_of
from advisor.diagnosis.sentences import sentence
from advisor.facts import FactValue
from advisor.records import Edit
from advisor.report import Change, Diagnosis, RemedyReport


class Switch(Struct, frozen=True):
    """One remedy in its place of the list.

    Attributes:
        rank: 0 for a remedy that no rule argues for and that a plan needs.
        saves: GiB less with it than without it, the others staying as they are; None where nothing can be estimated.
        fits: whether the run fits with it and the others that are on.
        setting: what it changes, such as `batch_size 4 → 1`; `short` is the same without the facts' names.
        settings: how many settings it has; `strength` is the number of the present one, from 1, 0 when it is off.
        blocked: why it can't be switched on beside the others.
    """

    id: str
    rank: int
    title: str
    on: bool
    saves: float | None
    fits: bool | None
    time: float
    risk: str
    effort: str
    setting: str = ""
    short: str = ""
    settings: int = 0
    strength: int = 0
    blocked: str = ""


def switches(case: Case, report: Diagnosis, chosen: Sequence[str], edits: Mapping[str, Edit]) -> tuple[Switch, ...]:
    """All remedies that rules argue for, in rank order, then those that a plan needs beside them."""
    now = scenario_of(case, chosen, edits)
    return tuple(_switch(case, item, chosen, edits, now) for item in listed(case, report))


def listed(case: Case, report: Diagnosis) -> list[RemedyReport]:
    """The ranked remedies and, with rank 0, what else the plans are made of."""
    known = {remedy.id for remedy in report.remedies}
    further = dict.fromkeys(step for plan in report.plans for step in plan.steps if step not in known)
    return [*report.remedies, *(_beyond_rank(case, name) for name in further if name in case.library.remedies)]


def _beyond_rank(case: Case, name: str) -> RemedyReport:
    remedy, facts = case.library.remedies[name], {**case.specification.words, **case.facts}
    return RemedyReport(
        rank=0,
        id=name,
        title=sentence(remedy.title, facts, case.lang),
        what=sentence(remedy.what, facts, case.lang),
        because="",
        changes=changes_for(remedy, facts, case.library, case.lang),
        time_cost=remedy.time.factor,
        quality_risk=remedy.quality_risk,
        effort=remedy.effort,
        rules=(),
        sources=tuple(remedy.sources),
    )


def _switch(
    case: Case, remedy: RemedyReport, chosen: Sequence[str], edits: Mapping[str, Edit], now: Scenario
) -> Switch:
    on = remedy.id in chosen
    others = [name for name in chosen if name != remedy.id]
    without = scenario_of(case, others, edits)
    blocked = "" if on else conflict(case, chosen, remedy.id)
    choices = settings_of(case, without.words, remedy.id)
    edit = edits.get(remedy.id) if on else None
    with_it = now if on else scenario_of(case, [*chosen, remedy.id], edits)
    saves = None
    if without.peak_gib is not None and with_it.peak_gib is not None and (choices or on):
        saves = without.peak_gib - with_it.peak_gib
    setting, short = _setting(without.words, with_it.words)
    return Switch(
        id=remedy.id,
        rank=remedy.rank,
        title=remedy.title,
        on=on,
        saves=saves,
        fits=with_it.fits,
        time=remedy.time_cost,
        risk=remedy.quality_risk,
        effort=remedy.effort,
        setting=setting,
        short=short,
        settings=len(choices),
        strength=choices.index(edit) + 1 if edit in choices else 0,
        blocked=blocked,
    )


def _setting(before: Mapping[str, FactValue], after: Mapping[str, FactValue]) -> tuple[str, str]:
    """What differs, with and without the names of the facts; switches (true, false) say nothing without theirs."""
    full, short = [], []
    for name, value in after.items():
        if before.get(name) == value:
            continue
        change = f"{plain(before[name])} → {plain(value)}" if name in before else f"→ {plain(value)}"
        full.append(f"{name} {change}")
        if not isinstance(value, bool):
            short.append(change)
    return ", ".join(full), ", ".join(short)


def plain(value: object) -> str:
    """A fact's value as it is typed in: `true`, `0.9`, `q_proj,v_proj`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.4g}"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def stepped(case: Case, chosen: Sequence[str], edits: Mapping[str, Edit], remedy: str, by: int) -> Edit | None:
    """The setting `by` places stronger (or milder) than the present one; None at either end or where there is one only."""
    others = [name for name in chosen if name != remedy]
    before = scenario_of(case, others, edits).words
    choices = settings_of(case, before, remedy)
    present = edits.get(remedy)
    if present not in choices:
        return None
    index = choices.index(present) + by
    return choices[index] if 0 <= index < len(choices) else None


def changes_in(
    case: Case, scenario: Scenario, edits: Mapping[str, Edit], remedy: str, pasted: Pasted
) -> tuple[Change, ...]:
    """The exact changes of a remedy of a scenario in its setting; the first as it would stand in the person's own text."""
    words: dict[str, FactValue] = {**case.facts, **scenario.words}
    step = next((step for step in steps_of(case, scenario.steps, edits) if step[0].id == remedy), None)
    if step is None:
        return ()
    changes = changes_for(step[0], words, case.library, case.lang)
    written = pasted.settings(*step) if changes else None
    if written is None or not written.settings:
        return changes
    first = changes[0]
    return (Change(first.framework, written.joined(), written.kind, first.note, first.source), *changes[1:])
