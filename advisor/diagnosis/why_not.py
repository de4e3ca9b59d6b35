"""Why a remedy is not advised: the conditions that failed, rule by rule."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from advisor.diagnosis import Case, examine
from advisor.diagnosis.wishes import ruled_out_by
from advisor.errors import InputError
from advisor.facts import VRAM_KINDS, FactValue
from advisor.library import Library
from advisor.readers.document import Document
from advisor.rule import Condition, Rule, as_word
from advisor.units import format_gib

MAX_RULES = 5


class WhyNot(Struct, frozen=True):
    """The answer: one sentence, and the lines below it; `failed` maps each rule to the conditions that did not hold."""

    remedy: str
    headline: str
    lines: tuple[str, ...]
    rank: int = 0
    failed: Mapping[str, tuple[str, ...]] | None = None

    def as_json(self) -> dict[str, Any]:
        data: dict[str, Any] = {"remedy": self.remedy, "headline": self.headline, "lines": list(self.lines)}
        if self.rank:
            data["rank"] = self.rank
        if self.failed:
            data["failed"] = {rule: list(conditions) for rule, conditions in self.failed.items()}
        return data


def why_not(
    remedy: str,
    text: str | Document,
    *,
    stated: Mapping[str, FactValue] | None = None,
    library: Library,
    lang: Literal["auto", "en", "zh"] = "auto",
) -> WhyNot:
    """Why `remedy` is not advised for the text, or its rank if it is.

    Raises:
        InputError: there is no such remedy.
    """
    if remedy not in library.remedies:
        near = difflib.get_close_matches(remedy, library.remedies, n=3, cutoff=0.4)
        hint = f"Did you mean {', '.join(near)}?" if near else "`advisor rules list` shows what the rules conclude."
        raise InputError("there is no such remedy", place=remedy, hint=hint)
    case = examine(text, stated=stated, library=library, lang=lang)
    for rank, ranked in enumerate(case.outcome.ranked, 1):
        if ranked.remedy.id == remedy:
            rules = ", ".join(dict.fromkeys(firing.rule.id for firing in ranked.firings))
            headline = f"{remedy} 已被建议,排第 {rank}" if case.lang == "zh" else f"{remedy} is advised, at rank {rank}"
            label = "依据的规则" if case.lang == "zh" else "Rules that argue for it"
            return WhyNot(remedy, headline, (f"{label}: {rules}",), rank)
    return _explain(remedy, case)


def _explain(remedy: str, case: Case) -> WhyNot:
    zh = case.lang == "zh"
    known = case.library.remedies[remedy]
    lines = []
    if case.kind not in VRAM_KINDS:
        lines.append(f"失败类型是 {case.kind}" if zh else f"the failure is {case.kind}")
    for fact, values in known.useless_when.items():
        if as_word(case.facts.get(fact)) in {as_word(value) for value in values}:
            state = as_word(case.facts.get(fact))
            lines.append(f"已经是这样了:{fact} = {state}" if zh else f"it is that way already: {fact} = {state}")
    for fact, values in known.applies_to.items():
        if fact in case.facts and as_word(case.facts[fact]) not in {as_word(value) for value in values}:
            allowed = ", ".join(as_word(value) for value in values)
            have = as_word(case.facts[fact])
            lines.append(
                f"只适用于 {fact} = {allowed},这里是 {have}"
                if zh
                else f"it is for {fact} = {allowed}, here it is {have}"
            )
    for weight, firing in case.trace.against_remedy.get(remedy, ()):
        lines.append(f"{'反对的规则' if zh else 'a rule argues against it'}: {firing.rule.id} ({weight:g})")
    for item in case.outcome.raising:
        if item.remedy.id == remedy and item.peak_after_gib is not None:
            peak = format_gib(item.peak_after_gib)
            lines.append(f"按估计它会使峰值升到 {peak}" if zh else f"by the estimate it would raise the peak to {peak}")
    wish = ruled_out_by(known, case.wishes)
    if wish is not None:
        said = wish.text.get(case.lang, wish.id)
        lines.append(
            f"文本不希望这样(第 {wish.line} 行,{said}):{wish.quote}"
            if zh
            else f"the text rules it out (line {wish.line}, {said}): {wish.quote}"
        )
    if remedy in case.resolution.tried:
        lines.append("文本说已经用过或试过" if zh else "the text says that it is on already or was tried")
    failed: dict[str, tuple[str, ...]] = {}
    for rule in sorted(_arguing(case.library, remedy), key=lambda rule: len(rule.failed(case.trace.facts))):
        missing = rule.failed(case.trace.facts)
        if missing:
            failed[rule.id] = tuple(_shortfall(condition, case.trace.facts) for condition in missing)
    for name, conditions in list(failed.items())[:MAX_RULES]:
        lines.append(f"{'规则' if zh else 'rule'} {name}: {'; '.join(conditions)}")
    if not lines:
        lines.append("没有规则会得出它" if zh else "no rule concludes it")
    headline = f"没有建议 {remedy}" if zh else f"{remedy} is not advised"
    return WhyNot(remedy, headline, tuple(lines), failed=failed)


def _arguing(library: Library, remedy: str) -> list[Rule]:
    return [
        rule
        for rule in library.rules
        if rule.status != "deprecated" and any(c.kind == "remedy" and c.id == remedy for c in rule.then)
    ]


def _shortfall(condition: Condition, facts: Mapping[str, Any]) -> str:
    got = facts.get(condition.field)
    have = f"{got:.4g}" if isinstance(got, float) else as_word(got, condition.field)
    return f"{condition} ({have})"
