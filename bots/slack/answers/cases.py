"""A kept question made into an answer again: read, with what was stated and tried, and with the ticked remedies estimated anew."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from advisor.diagnosis import Case, examine, read_document
from advisor.diagnosis.changes import changes_for
from advisor.diagnosis.compose import compose
from advisor.diagnosis.rewrite import Pasted, Steps, steps_of_plan
from advisor.diagnosis.scenario import Scenario, conflict, scenario_of
from advisor.diagnosis.sentences import sentence
from advisor.facts import FactValue
from advisor.library import Library
from advisor.readers.document import Document
from advisor.records import Edit, Remedy
from advisor.render.slack import Applied, Controls, SlackMessage, render_slack
from advisor.report import Change, Diagnosis, EditReport
from bots.slack import store
from bots.slack.words import lang_of, say

WHOLE = 500_000  # characters; of a longer text, the parts that matter are read
_MODELS = frozenset({"model", "params_b", "hf_id"})


class Answered(Struct, frozen=True):
    """A kept question with its case and report, and the ticked remedies estimated again (None where none is), and the person's own
    command with them, or with the plan, written in."""

    kept: store.Case
    case: Case
    report: Diagnosis
    applied: Applied | None
    edit: EditReport
    tried: tuple[str, ...]

    def message(
        self,
        *,
        private: bool = False,
        share: bool = False,
        feedback: str = "",
        attach: bool = False,
        notes: Sequence[str] = (),
    ) -> SlackMessage:
        """The answer as a message with its buttons."""
        controls = Controls(self.kept.id, private=private, share=share, tried=self.tried, feedback=feedback)
        return render_slack(
            self.report, controls=controls, applied=self.applied, edit=self.edit, attach=attach, notes=notes
        )


def answered(kept: store.Case, library: Library, *, hidden: int = 0) -> Answered:
    """The answer to a kept question.

    Args:
        hidden: secrets that were hidden before the text was kept.

    Raises:
        AdvisorError: the engine failed.
    """
    case = _case(kept, library)
    report = compose(case)
    if hidden:
        report = replace(report, redactions=report.redactions + hidden)
    applied = _applied(case, kept.applied) if kept.applied else None
    steps = _steps(case, applied.steps) if applied is not None and applied.steps else steps_of_plan(case)
    titles = tuple(title_of(case, name) for name in kept.tried)
    return Answered(kept, case, report, applied, Pasted(case).rewrite(steps), titles)


def _case(kept: store.Case, library: Library) -> Case:
    stated: dict[str, FactValue] = dict(kept.stated)
    if kept.tried:
        stated["tried"] = list(kept.tried)
    lang: Literal["auto", "en", "zh"] = "auto" if kept.lang not in ("en", "zh") else lang_of(kept.lang)
    text: str | Document = kept.text
    if len(kept.text) > WHOLE:
        text = read_document(io.BytesIO(kept.text.encode("utf-8", "replace")))
    case = examine(text, stated=stated, library=library, lang=lang)
    if case.kind == "none" and not _MODELS.isdisjoint(case.facts) and "failure_kind" not in stated:
        # Nothing failed, but a run is described: whether it fits is what one asks.
        case = examine(text, stated={"failure_kind": "question", **stated}, library=library, lang=lang)
    return case


def title_of(case: Case, remedy: str) -> str:
    """The remedy's title in the case's language."""
    found = case.library.remedies.get(remedy)
    return sentence(found.title, {**case.specification.words, **case.facts}, case.lang) if found else remedy


def _applied(case: Case, ticked: Sequence[str]) -> Applied:
    chosen: list[str] = []
    notes: list[str] = []
    for name in ticked:
        reason = conflict(case, chosen, name)
        if reason:
            notes.append(say("conflict", case.lang, reason=reason))
        else:
            chosen.append(name)
    now = scenario_of(case, chosen, _edits(case, chosen))
    notes += [say("no_effect", case.lang, title=title_of(case, name)) for name in now.without_effect]
    peak = now.peak_gib
    words: dict[str, FactValue] = {**case.facts, **now.words}
    return Applied(
        steps=now.steps,
        titles=tuple(sentence(case.library.remedies[name].title, words, case.lang) for name in now.steps),
        need=None if peak is None else (peak, *now.interval()),
        fits=now.fits,
        time_factor=now.time_factor,
        changes=_changes(case, now, words),
        notes=tuple(notes),
    )


def _edits(case: Case, chosen: Sequence[str]) -> Mapping[str, Edit]:
    """The settings of the plan that is exactly what was ticked, so that its figures come out again."""
    for plan in case.outcome.plans:
        edits = {step.remedy.id: step.edit for step in plan.steps}
        if set(edits) == set(chosen):
            return edits
    return {}


def _steps(case: Case, chosen: Sequence[str]) -> Steps:
    """Each ticked remedy with the facts that it changes beside those before it."""
    edits = _edits(case, chosen)
    found: list[tuple[Remedy, Mapping[str, FactValue]]] = []
    before: Mapping[str, FactValue] = case.specification.words
    for count, name in enumerate(chosen, 1):
        words = scenario_of(case, chosen[:count], edits).words
        changed = {fact: value for fact, value in words.items() if before.get(fact) != value}
        found.append((case.library.remedies[name], changed))
        before = words
    return found


def _changes(case: Case, now: Scenario, words: Mapping[str, FactValue]) -> tuple[Change, ...]:
    changes: list[Change] = []
    for name in now.steps:
        changes += changes_for(case.library.remedies[name], words, case.library, case.lang)[:1]
    return tuple(changes)


def named(case: Case) -> dict[str, str]:
    """What statistics count a question by."""
    return {
        "kind": case.kind,
        "model": str(case.facts.get("model", ""))[:100],
        "gpu": str(case.facts.get("gpu_name", ""))[:100],
        "framework": str(case.facts.get("framework", ""))[:100],
    }
