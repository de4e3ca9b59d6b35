"""What the person pasted, given back with the changes written into it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from advisor.diagnosis.changes import changes_for, lacks_bf16
from advisor.diagnosis.scenario import assumed, preferred
from advisor.diagnosis.sentences import sentence
from advisor.edits import Editor, Wish, unified
from advisor.errors import InputError
from advisor.facts import FactValue
from advisor.plan.edit import changes_of
from advisor.readers.runs.program import ids, recognised
from advisor.report import Change, EditReport, Unwritten

if TYPE_CHECKING:
    from advisor.diagnosis import Case
    from advisor.records import Edit, Remedy

Steps = Sequence[tuple["Remedy", Mapping[str, FactValue]]]


def steps_of_plan(case: Case) -> Steps:
    """The steps of the recommended plan, each with the facts that it changes; without a plan, of the first remedy that has a change."""
    plan = next(iter(case.outcome.plans), None)
    if plan is not None:
        return [(step.remedy, step.changed) for step in plan.steps]
    for ranked in case.outcome.ranked:
        after = {**case.stated_words, **ranked.changed}
        if any(change.kind != "prose" for change in changes_for(ranked.remedy, after, case.library, case.lang)):
            return [(ranked.remedy, ranked.changed)]
    return []


def steps_of(case: Case, remedies: Sequence[str], edits: Mapping[str, Edit] | None = None) -> Steps:
    """The named remedies one after the other, each in its setting of `edits`, of the ranking, or in the one that suits.

    Raises:
        InputError: there is no such remedy.
    """
    found: list[tuple[Remedy, Mapping[str, FactValue]]] = []
    words: dict[str, FactValue] = dict(case.specification.words)
    for name in remedies:
        remedy = case.library.remedies.get(name)
        if remedy is None:
            near = difflib.get_close_matches(name, case.library.remedies, n=3, cutoff=0.4)
            hint = f"Did you mean {', '.join(near)}?" if near else "`advisor diagnose --all` lists what is advised."
            raise InputError("there is no such remedy", place=name, hint=hint)
        edit = (edits or {}).get(name)
        edit = edit or next((item.edit for item in case.outcome.ranked if item.remedy.id == name), None)
        edit = edit or preferred(case, words, name)
        changed = changes_of(edit, {**assumed(case), **words}) if edit is not None else {}
        words |= changed
        found.append((remedy, changed))
    return found


class OwnWords(Struct, frozen=True):
    """Settings as they stand in a person's text, and the notation that they are in."""

    settings: tuple[str, ...]
    kind: str

    def joined(self) -> str:
        """The settings together, as one would type them."""
        return ("\n" if self.kind in ("yaml", "toml", "python") else " ").join(self.settings)


class Pasted:
    """What can be changed of a case's text: its commands and configurations, found once."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._lines, self._numbers = _lines(case)
        self._ends = bool(self._lines) and self._lines[-1] == ""
        if self._ends:
            self._lines, self._numbers = self._lines[:-1], self._numbers[:-1]
        evidence = dict(_evidence(case, self._numbers))
        self._editor = Editor(self._lines, _frameworks(case), case.library, evidence)

    def settings(self, remedy: Remedy, changed: Mapping[str, FactValue]) -> OwnWords | None:
        """A remedy's settings as they would stand in the text; None where they have no place there, or a nested one."""
        after = {**self._case.specification.words, **self._case.stated_words, **changed}
        result = self._editor.apply([_wish(self._case, remedy, changed, after)])
        written = result.written.get(remedy.id)
        if not written or not result.pieces or not all(written):
            return None
        kind = result.pieces[0].kind
        return None if kind == "json" else OwnWords(written, "flag" if kind == "command" else kind)

    def rewrite(self, steps: Steps, name: str = "") -> EditReport:
        """The text with the steps written into its command or configuration.

        Args:
            name: of the file that the text came from; empty for a paste.
        """
        case = self._case
        after: dict[str, FactValue] = {**case.specification.words, **case.stated_words}
        for _, changed in steps:
            after |= changed
        wishes = [_wish(case, remedy, changed, after) for remedy, changed in steps]
        result = self._editor.apply(wishes)
        titles = {wish.remedy: wish.title for wish in wishes}
        rest = []
        for remedy, _ in steps:
            if remedy.id in result.rest:
                changes = changes_for(remedy, after, case.library, case.lang)
                rest.append(Unwritten(remedy.id, titles[remedy.id], changes[:1]))
        before, now = (name, name) if name else ("pasted", "changed")
        return EditReport(
            steps=tuple(titles),
            titles=tuple(titles.values()),
            diff=unified(self._lines, result.pieces, self._numbers, before, now, ends=self._ends or not name),
            blocks=tuple(piece.text for piece in result.pieces),
            written=result.written,
            rest=tuple(rest),
        )


def _lines(case: Case) -> tuple[list[str], list[int]]:
    """The lines as they were pasted, with their numbers; a line that holds several others can't be edited and counts as empty."""
    rows = case.document.lines
    numbers = [row.number for row in rows]
    lines = []
    for index, row in enumerate(rows):
        shared = (index and numbers[index - 1] == row.number) or numbers[index + 1 : index + 2] == [row.number]
        lines.append("" if shared else row.raw)
    return lines, numbers


def _frameworks(case: Case) -> list[str]:
    found = ids(recognised(case.document, case.library))
    stated = [name for name in (case.spelling, str(case.facts.get("framework", ""))) if name]
    return list(dict.fromkeys([*stated, *found]))


def _evidence(case: Case, numbers: Sequence[int]) -> Iterator[tuple[str, int]]:
    """For each fact, the index of the line that states it."""
    index = {number: place for place, number in enumerate(numbers)}
    for fact, seen in case.resolution.source.items():
        if seen.line in index:
            yield fact, index[seen.line]


def _wish(case: Case, remedy: Remedy, changed: Mapping[str, FactValue], after: Mapping[str, FactValue]) -> Wish:
    def changes(framework: str) -> Sequence[Change]:
        return changes_for(remedy, {**after, "framework": framework}, case.library, case.lang)

    facts = dict(changed)
    if "precision" in facts and lacks_bf16(str(case.facts.get("gpu_name", "")), case.library):
        facts["precision"] = str(facts["precision"]).replace("bf16", "fp16")
    return Wish(remedy.id, sentence(remedy.title, after, case.lang), facts, partial(changes))
