"""The result of a diagnosis: one frozen object that every renderer prints and nothing computes on afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from advisor.facts import FactValue, Lang

SCHEMA = "advisor.diagnosis/1"


class Failure(Struct, frozen=True):
    """What kind of failure it is, in which phase it struck (empty: not known), and how sure that is (0 to 1)."""

    kind: str
    phase: str = ""
    confidence: float = 1.0


class Evidence(Struct, frozen=True):
    """Where a fact comes from. `used` is false for a reading that another one overruled."""

    fact: str
    value: FactValue
    line: int
    quote: str
    origin: str = "stated"
    used: bool = True


class Cause(Struct, frozen=True):
    """A cause with its confidence (0 to 1), the reason in the report's language, and the rule behind it."""

    id: str
    title: str
    confidence: float
    because: str
    rule: str


class Component(Struct, frozen=True):
    """A part of the peak, in GiB, with the formula that gave it."""

    id: str
    title: str
    gib: float
    formula: str = ""


class EstimateReport(Struct, frozen=True):
    """The estimate of the run as it is described. `low_gib` to `high_gib` is a 90 % interval for `allocated_gib`.

    `need_gib`, `need_low_gib` and `need_high_gib` are what the card must have: the same with what the process needs beside
    its tensors, without what the allocator only caches. The components add up to `need_gib`.
    """

    allocated_gib: float
    reserved_gib: float
    process_gib: float
    low_gib: float
    high_gib: float
    need_gib: float
    need_low_gib: float
    need_high_gib: float
    components: tuple[Component, ...]
    assumed: Mapping[str, FactValue] = field(default_factory=dict)
    capacity_gib: float | None = None
    fits: bool | None = None
    phase: str = ""
    warnings: tuple[str, ...] = ()


class Held(Struct, frozen=True):
    """What held the memory, as measured when the run failed (`source`: process) or at the peak (`source`: snapshot)."""

    source: str
    total_gib: float
    components: tuple[Component, ...]


class Change(Struct, frozen=True):
    """The exact change for one framework; `kind` says what it is (flag, yaml, json, python, env, shell, prose)."""

    framework: str
    text: str
    kind: str = "flag"
    note: str = ""
    source: str = ""


class Saving(Struct, frozen=True):
    """What a remedy saves, in GiB: a 90 % interval around the expected figure."""

    low: float
    expected: float
    high: float


class RemedyReport(Struct, frozen=True):
    """A remedy in its rank, with what it saves and costs, the exact changes, and what argues for it."""

    rank: int
    id: str
    title: str
    what: str
    because: str
    changes: tuple[Change, ...]
    time_cost: float
    quality_risk: str
    effort: str
    rules: tuple[str, ...]
    sources: tuple[str, ...]
    saves: Saving | None = None
    peak_after_gib: float | None = None
    fits: bool | None = None
    set: Mapping[str, FactValue] = field(default_factory=dict)


class PlanReport(Struct, frozen=True):
    """A set of remedies applied together: the estimated peak of the process and whether its high end fits.

    `host_ram_gib` is what its offloads take of the machine's RAM, 0.0 for nothing. `proven`: no cheaper set fits; false where the
    search was stopped before it had looked at all of them.
    """

    name: str
    steps: tuple[str, ...]
    titles: tuple[str, ...]
    peak_gib: float
    fits: bool
    changes: tuple[Change, ...] = ()
    set: Mapping[str, FactValue] = field(default_factory=dict)
    host_ram_gib: float = 0.0
    proven: bool = True

    @property
    def heading(self) -> str:
        """The key of the words above it."""
        if not self.fits:
            return "heading.plan_nearest"
        return "heading.plan" if self.proven else "heading.plan_found"


class Question(Struct, frozen=True):
    """A fact whose answer would help, and by how much it moves the estimate."""

    fact: str
    text: str
    why: str


class Respected(Struct, frozen=True):
    """Something that the person rules out or insists on, with the line that says so; nothing against it is advised."""

    id: str
    text: str
    line: int
    quote: str


class LargestRow(Struct, frozen=True):
    """One way to run, and the largest value with it.

    Attributes:
        title: the way, in the report's language.
        words: what it changes of the specification.
        value: with which it fits for sure (the interval's high end does); None where nothing does.
        likely: with which the expected figure fits; None where nothing does.
        need_gib: the interval's high end at `value`.
        example: a model of that size, where the largest model is asked for.
        limited: the model itself takes no more than `value`.
    """

    title: str
    words: Mapping[str, FactValue]
    value: float | None
    likely: float | None
    need_gib: float | None = None
    example: str = ""
    limited: bool = False


class Largest(Struct, frozen=True):
    """The answer to "what is the largest ... that fits": the fact, the card's GiB, a row per way, and what each takes for granted."""

    fact: str
    title: str
    capacity_gib: float
    rows: tuple[LargestRow, ...]
    given: tuple[Mapping[str, FactValue], ...] = ()

    def said(self, value: float | None) -> str:
        """A value as people say it: `7B`, `32,768`; a dash for none."""
        return "-" if value is None else f"{value:.3g}B" if self.fact == "params_b" else f"{int(value):,}"


class Step(Struct, frozen=True):
    """One firing of the trace: the rule, the conditions that held, what it concluded, and its sources."""

    rule: str
    stratum: str
    because: str
    conditions: tuple[str, ...]
    concluded: tuple[str, ...]
    sources: tuple[str, ...]
    path: str = ""


class SourceReport(Struct, frozen=True):
    """A document that the advice rests on."""

    id: str
    title: str
    url: str


class Unwritten(Struct, frozen=True):
    """A change that has no place in what was pasted: code, a file that was not shown, a program that was only described."""

    id: str
    title: str
    changes: tuple[Change, ...]


class EditReport(Struct, frozen=True):
    """The person's own command or configuration with changes written into it.

    Attributes:
        steps, titles: the remedies that are meant.
        diff: unified, with the line numbers of the text; empty where nothing could be written in.
        blocks: the changed commands and configurations, whole.
        written: per remedy that was written in, its settings as they stand there.
        rest: the remedies that could not be written in, with their changes.
    """

    steps: tuple[str, ...]
    titles: tuple[str, ...]
    diff: str = ""
    blocks: tuple[str, ...] = ()
    written: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rest: tuple[Unwritten, ...] = ()

    def text(self) -> str:
        """What to copy: the changed blocks, then what has no place in them, each under its title."""
        rest = ["\n".join([f"# {item.title}", *(change.text for change in item.changes)]) for item in self.rest]
        return "\n\n".join([*self.blocks, *rest])


class Diagnosis(Struct, frozen=True):
    """The whole answer to one text. What is not known is empty or None and stays out of the JSON."""

    lang: Lang
    failure: Failure
    verdict: str
    facts: Mapping[str, FactValue]
    evidence: tuple[Evidence, ...] = ()
    causes: tuple[Cause, ...] = ()
    estimate: EstimateReport | None = None
    remedies: tuple[RemedyReport, ...] = ()
    plan: PlanReport | None = None
    plans: tuple[PlanReport, ...] = ()
    hardware: str = ""
    questions: tuple[Question, ...] = ()
    trace: tuple[Step, ...] = ()
    sources: tuple[SourceReport, ...] = ()
    redactions: int = 0
    id: str = ""
    held: Held | None = None
    edit: EditReport | None = None
    respected: tuple[Respected, ...] = ()
    largest: tuple[Largest, ...] = ()

    def as_json(self, *, explain: bool = False) -> dict[str, Any]:
        """The diagnosis as plain values for JSON, with the trace if asked; GiB are rounded to four decimals."""
        data: dict[str, Any] = {"schema": SCHEMA}
        if self.id:
            data["id"] = self.id
        failure: dict[str, Any] = {"kind": self.failure.kind}
        if self.failure.phase:
            failure["phase"] = self.failure.phase
        data |= {
            "lang": self.lang,
            "verdict": self.verdict,
            "failure": failure | {"confidence": round(self.failure.confidence, 2)},
            "facts": {name: _plain(value) for name, value in self.facts.items()},
            "evidence": [
                {"fact": e.fact, "line": e.line, "quote": e.quote, "origin": e.origin}
                | ({} if e.used else {"overruled": _plain(e.value)})
                for e in self.evidence
            ],
            "causes": [
                {"id": c.id, "confidence": round(c.confidence, 2), "because": c.because, "rule": c.rule}
                for c in self.causes
            ],
        }
        if self.held is not None:
            parts = [{"id": part.id, "gib": round(part.gib, 4)} for part in self.held.components]
            data["held"] = {
                "source": self.held.source, "total_gib": round(self.held.total_gib, 4), "components": parts
            }  # fmt: skip
        if self.estimate is not None:
            data["estimate"] = _estimate_json(self.estimate)
        data["remedies"] = [_remedy_json(remedy) for remedy in self.remedies]
        if self.plan is not None:
            data["plan"] = _plan_json(self.plan)
        others = [_plan_json(plan) | {"name": plan.name} for plan in self.plans if plan is not self.plan]
        if others:
            data["other_plans"] = others
        if self.hardware:
            data["hardware"] = self.hardware
        if self.largest:
            data["largest"] = [_largest_json(item) for item in self.largest]
        if self.respected:
            data["respected"] = [{"id": r.id, "text": r.text, "line": r.line, "quote": r.quote} for r in self.respected]
        if self.edit is not None and self.edit.diff:
            data["edit"] = {"steps": list(self.edit.written), "diff": self.edit.diff}
        data["questions"] = [{"fact": q.fact, "text": q.text, "why": q.why} for q in self.questions]
        if explain:
            data["trace"] = [
                {
                    "rule": s.rule, "stratum": s.stratum, "because": s.because, "conditions": list(s.conditions),
                    "concluded": list(s.concluded), "sources": list(s.sources),
                }
                for s in self.trace
            ]  # fmt: skip
            data["sources"] = [{"id": s.id, "title": s.title, "url": s.url} for s in self.sources]
        data["redactions"] = self.redactions
        return data


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6)
    return list(value) if isinstance(value, tuple) else value


def _estimate_json(estimate: EstimateReport) -> dict[str, Any]:
    data: dict[str, Any] = {
        name: round(getattr(estimate, name), 4)
        for name in ("allocated_gib", "reserved_gib", "process_gib", "low_gib", "high_gib")
    }
    if estimate.capacity_gib is not None:
        data["capacity_gib"] = round(estimate.capacity_gib, 4)
    if estimate.fits is not None:
        data["fits"] = estimate.fits
    if estimate.phase:
        data["phase"] = estimate.phase
    data["assumed"] = {name: _plain(value) for name, value in estimate.assumed.items()}
    data["components"] = [{"id": c.id, "gib": round(c.gib, 4)} for c in estimate.components]
    if estimate.warnings:
        data["warnings"] = list(estimate.warnings)
    return data


def _remedy_json(remedy: RemedyReport) -> dict[str, Any]:
    data: dict[str, Any] = {"rank": remedy.rank, "id": remedy.id, "title": remedy.title}
    if remedy.saves is not None:
        saves = remedy.saves
        data["saves_gib"] = {key: round(getattr(saves, key), 4) for key in ("low", "expected", "high")}
    if remedy.peak_after_gib is not None:
        data["peak_after_gib"] = round(remedy.peak_after_gib, 4)
    if remedy.fits is not None:
        data["fits"] = remedy.fits
    return data | {
        "time_cost": remedy.time_cost,
        "quality_risk": remedy.quality_risk,
        "effort": remedy.effort,
        "changes": [{"framework": c.framework, "text": c.text} for c in remedy.changes],
        "because": remedy.because,
        "rules": list(remedy.rules),
        "sources": list(remedy.sources),
    }


def _largest_json(largest: Largest) -> dict[str, Any]:
    rows = []
    for row, given in zip(largest.rows, largest.given, strict=True):
        data: dict[str, Any] = {"title": row.title, "words": {name: _plain(value) for name, value in row.words.items()}}
        data |= {name: value for name in ("value", "likely") if (value := getattr(row, name)) is not None}
        if row.need_gib is not None:
            data["need_gib"] = round(row.need_gib, 4)
        if row.example:
            data["example"] = row.example
        if row.limited:
            data["limited"] = True
        rows.append(data | {"assumed": {name: _plain(value) for name, value in given.items()}})
    return {"fact": largest.fact, "capacity_gib": round(largest.capacity_gib, 4), "rows": rows}


def _plan_json(plan: PlanReport) -> dict[str, Any]:
    data: dict[str, Any] = {"steps": list(plan.steps), "peak_gib": round(plan.peak_gib, 4), "fits": plan.fits}
    if plan.host_ram_gib:
        data["host_ram_gib"] = round(plan.host_ram_gib, 1)
    if plan.set:
        data["set"] = {name: _plain(value) for name, value in plan.set.items()}
    return data
