"""The comment under an issue: the verdict, what to change with exact lines, one question, and the rest folded away."""

from __future__ import annotations

from msgspec import Struct

from advisor.facts import VRAM_KINDS, Lang, spec_of
from advisor.report import Change, Diagnosis, EditReport, RemedyReport
from advisor.units import format_gib
from advisor.version import __version__
from advisor.vocabulary import VOCABULARY
from advisor.wording import word
from bots.github.escape import block, cell, code, plain
from bots.github.words import EXAMPLES, say

# GitHub refuses bodies over 65,536 characters; bytes are counted, which are never fewer.
MAX_BYTES = 64_000
_MOST_FACTS = 20
_MOST_CHANGES = 3
_LONGEST_DIFF = 4_000
_LEAST_GIB = 0.05  # a remedy that is estimated to save less is not worth a line
_SHELL = {"flag": "sh", "shell": "sh", "env": "sh", "prose": ""}


class Subject(Struct, frozen=True):
    """What a comment answers: the issue, or the comment of `commenter`; `faults` are commands that were not understood."""

    commenter: str = ""
    faults: tuple[tuple[str, str], ...] = ()


def render(d: Diagnosis, subject: Subject, *, remedies: int, edited: EditReport | None = None) -> str:
    """The comment's Markdown without its marker. Nothing that came from the thread takes effect in it.

    Args:
        remedies: how many are listed at most.
        edited: the reporter's own command or configuration with the plan written in.
    """
    top = tuple(r for r in d.remedies if r.saves is None or r.saves.expected >= _LEAST_GIB)[:remedies]
    head: list[str] = []
    if subject.commenter:
        head.append(say("about_comment", d.lang, who=code(subject.commenter)))
    head.append(_bold(d.verdict, 600))
    help_ = [
        *_table(top, d),
        *_changes(top[:_MOST_CHANGES], d),
        *_plan(top, d, edited),
        *_question(d),
        *_faults(subject, d),
    ]
    footer = [_footer(d)]
    for body in ([*head, *help_, _details(d), *footer], [*head, *help_, *footer], [*head, *footer]):
        text = "\n\n".join(body) + "\n"
        if len(text.encode("utf-8", "replace")) <= MAX_BYTES:
            break
    return text


def render_gone(lang: Lang, *, ignored: bool) -> str:
    """What is left of a comment that no longer applies, where it is struck and not deleted."""
    return say("gone_ignored" if ignored else "gone", lang, recheck="`/advisor recheck`") + "\n"


def _table(top: tuple[RemedyReport, ...], d: Diagnosis) -> list[str]:
    lang = d.lang
    if not any(r.saves for r in top):
        return []
    keys = ("rank", "remedy", "saves", "after", "fits", "time", "risk")
    rows = ["| " + " | ".join(word(f"column.{key}", lang) for key in keys) + " |", "|--:|---|--:|--:|:-:|--:|---|"]
    for rank, r in enumerate(top, 1):
        fits = "?" if r.fits is None else word("yes" if r.fits else "no", lang)
        saves = format_gib(r.saves.expected) if r.saves else "?"
        after = format_gib(r.peak_after_gib) if r.peak_after_gib is not None else "?"
        risk = word(f"risk.{r.quality_risk}", lang)
        rows.append(f"| {rank} | {plain(r.title)} | {saves} | {after} | {fits} | ×{r.time_cost:g} | {risk} |")
    return ["\n".join(rows)]


def _changes(top: tuple[RemedyReport, ...], d: Diagnosis) -> list[str]:
    if not top:
        return []
    framework = str(d.facts.get("framework", ""))
    if d.failure.kind not in VRAM_KINDS:
        title = word("heading.help", d.lang)
    elif framework:
        title = say("changes_for", d.lang, framework=code(framework))
    else:
        title = say("changes", d.lang)
    blocks = [f"**{title}**"]
    for rank, r in enumerate(top, 1):
        stop = "。" if d.lang == "zh" else ". "
        blocks.append(f"{rank}. {_bold(r.title)}{stop}{plain(r.because or r.what)}")
        blocks += [_indented(_change(change)) for change in r.changes[:1]]
    return blocks


def _bold(text: str, longest: int = 400) -> str:
    shown = plain(text, longest)
    return f"**{shown}**" if shown else ""


def _indented(text: str) -> str:
    """Belongs to the item of a list."""
    return "\n".join(f"   {line}" if line else "" for line in text.split("\n"))


def _change(change: Change) -> str:
    if change.kind == "prose":
        text = plain(change.text.removeprefix("# "), 1_000)
    else:
        text = block(change.text, _SHELL.get(change.kind, change.kind))
    return f"{text}\n\n{plain(change.note)}" if change.note else text


def _plan(top: tuple[RemedyReport, ...], d: Diagnosis, edited: EditReport | None) -> list[str]:
    diff = _diff(edited, d)
    if d.plan is None or not d.plan.steps:
        return diff
    values = {"steps": " + ".join(plain(title) for title in d.plan.titles), "peak": format_gib(d.plan.peak_gib)}
    key = "plan_line"
    if d.estimate is not None and d.estimate.capacity_gib is not None:
        key, values["capacity"] = "plan_of", format_gib(d.estimate.capacity_gib)
    line = f"**{say('plan' if d.plan.fits else 'plan_nearest', d.lang)}**{_colon(d)}{say(key, d.lang, **values)}"
    shown = {change.text for remedy in top[:_MOST_CHANGES] for change in remedy.changes[:1]}
    left = edited.rest if edited is not None and diff else ()
    changes = [change for item in left for change in item.changes] if diff else d.plan.changes
    return [line, *diff, *(_change(change) for change in changes if change.text not in shown)][:8]


def _diff(edited: EditReport | None, d: Diagnosis) -> list[str]:
    if edited is None or not edited.diff or len(edited.diff) > _LONGEST_DIFF:
        return []
    lines = [
        line for line in edited.diff.split("\n") if not line.startswith(("--- ", "+++ "))
    ]  # there is no file to name
    return [say("edited", d.lang), block("\n".join(lines), "diff", _LONGEST_DIFF)]


def _question(d: Diagnosis) -> list[str]:
    if not d.questions:
        return []
    question = d.questions[0]
    why = f" ({plain(question.why)})" if question.why else ""
    example = code(f"/advisor {question.fact}={example_of(question.fact)}")
    head = f"**{say('question', d.lang)}**{_colon(d)}"
    return [f"{head}{plain(question.text)}{why} {say('answer_with', d.lang, example=example)}"]


def _colon(d: Diagnosis) -> str:
    return "：" if d.lang == "zh" else ": "


def example_of(fact: str) -> str:
    """A value that the fact can have, for an example of a command."""
    if fact in EXAMPLES:
        return EXAMPLES[fact]
    spec = spec_of(fact) if fact in VOCABULARY else None
    if spec is not None and spec.choices:
        return spec.choices[0]
    return "true" if spec is not None and spec.kind == "bool" else "1"


def _faults(subject: Subject, d: Diagnosis) -> list[str]:
    if not subject.faults:
        return []
    lines = [f"- {code(what, 120)}: {plain(wrong, 300)}" for what, wrong in subject.faults]
    return [f"**{say('not_understood', d.lang)}**", "\n".join(lines)]


def _details(d: Diagnosis) -> str:
    lang = d.lang
    blocks = []
    if d.causes:
        rows = [f"- {_bold(c.title)} ({c.confidence:.0%}): {plain(c.because)}" for c in d.causes[:3]]
        blocks.append("\n".join(rows))
    blocks += _memory(d)
    rows = [
        f"| `{name}` | {cell(_shown(value), 120)} | {source} |"
        for name, value, source in _facts(d)[:_MOST_FACTS]
    ]  # fmt: skip
    if rows:
        head = f"| {say('fact', lang)} | {say('value', lang)} | {say('read_from', lang)} |\n|---|---|---|"
        blocks.append("\n".join([head, *rows]))
    blocks.append(say("sure", lang, sure=f"{d.failure.confidence:.0%}"))
    if d.redactions:
        blocks.append(word("redacted", lang, count=d.redactions))
    inside = "\n\n".join(blocks)
    return f"<details>\n<summary>{say('details', lang)}</summary>\n\n{inside}\n\n</details>"


def _memory(d: Diagnosis) -> list[str]:
    estimate = d.estimate
    if estimate is None or not estimate.components:
        return []
    capacity = f" / {format_gib(estimate.capacity_gib)}" if estimate.capacity_gib is not None else ""
    interval = word("interval", d.lang, low=format_gib(estimate.need_low_gib), high=format_gib(estimate.need_high_gib))
    head = f"| {format_gib(estimate.need_gib)}{capacity} ({interval}) | GiB |\n|---|---:|"
    parts = sorted(estimate.components, key=lambda part: -part.gib)[:8]
    blocks = ["\n".join([head, *(f"| {plain(part.title)} | {format_gib(part.gib)} |" for part in parts)])]
    if estimate.assumed:
        listed = ", ".join(f"{name}={_shown(value)}" for name, value in list(estimate.assumed.items())[:12])
        blocks.append(word("assumed", d.lang, list=code(listed)))
    return blocks


def _facts(d: Diagnosis) -> list[tuple[str, object, str]]:
    rows: list[tuple[str, object, str]] = []
    last = ""
    for item in d.evidence:
        if not item.used or item.fact not in VOCABULARY or any(name == item.fact for name, _, _ in rows):
            continue
        source = cell(item.quote, 100) if item.line else say("by_command", d.lang)
        rows.append((item.fact, item.value, "″" if source == last else source))
        last = source
    return rows


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _footer(d: Diagnosis) -> str:
    text = say(
        "footer", d.lang, version=__version__, example="`/advisor gpu=RTX 3090 batch_size=4`", recheck="`/advisor recheck`",
        ignore="`/advisor ignore`",
    )  # fmt: skip
    return f"<sub>\n\n{text}\n\n</sub>"
