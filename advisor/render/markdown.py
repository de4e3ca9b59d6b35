"""The diagnosis as Markdown for an issue comment or a chat: quoted text can't ping, link or format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Protocol

from advisor.facts import VRAM_KINDS, FactValue, Lang
from advisor.render.layout import listed
from advisor.render.said import largest_notes, largest_table, respected
from advisor.report import Change, Diagnosis, EstimateReport, Evidence, RemedyReport
from advisor.units import format_gib
from advisor.wording import WORDS, word

# Between a sign and what it refers to: an invisible character, since GitHub looks for names, numbers and addresses in the text that is
# left after Markdown is rendered, where neither a backslash nor an entity is seen any more.
_GAP = "\u200b"
_SPECIAL = str.maketrans(
    {char: f"\\{char}" for char in "\\`*_[]#+!|~"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;", _GAP: "&#8203;"}
)
# Control characters, and those that change the direction or hide: nobody writes them on purpose.
_INVISIBLE = dict.fromkeys(
    [
        *range(9),
        11,
        12,
        *range(14, 32),
        127,
        *range(0x200B, 0x2010),
        *range(0x202A, 0x202F),
        *range(0x2060, 0x206A),
        0xFEFF,
    ]
)
# @name, $mathematics$, #12, GH-12, ://, www., a commit's number.
_SIGNS = r"[@$]|#[0-9]|(?i:\bGH-)|://|(?i:\bwww\.)|\b[0-9a-f]{7,40}\b"
_EMOJI = r":[A-Za-z0-9_+-]+:"
_LIST = r"^(?:-|[0-9]{1,9}[.)])"


class Component(Protocol):
    """A part of an estimate."""

    @property
    def id(self) -> str: ...
    @property
    def gib(self) -> float: ...


@cache
def _pattern(text: str) -> Any:
    import re2  # only where Markdown is asked for

    return re2.compile(text)


def escape(text: str) -> str:
    """Text that Markdown shows as it is, on GitHub too: no emphasis, links, HTML, lists, mentions or references; line breaks become blanks.

    >>> escape("@all <b>*hi*</b>")
    '@&#8203;all &lt;b&gt;\\\\*hi\\\\*&lt;/b&gt;'
    """
    text = " ".join(text.translate(_INVISIBLE).split())
    text = str(_pattern(_SIGNS).sub(_parted, text))
    if ":" in text and _pattern(_EMOJI).search(text):
        text = text.replace(":", ":" + _GAP)
    text = text.translate(_SPECIAL)
    item = _pattern(_LIST).match(text)
    return f"{text[: item.end() - 1]}\\{text[item.end() - 1 :]}" if item else text


def _parted(match: Any) -> str:
    found = str(match.group(0))
    if found[0] in "@$" or found.lower() == "gh-":
        return found + _GAP
    if found.lower() == "www.":
        return found[:3] + _GAP + "."
    if found[0] in "#:":
        return found[0] + _GAP + found[1:]
    # Six digits of a commit are not taken for one.
    return found if found.isdecimal() else _GAP.join(found[at : at + 6] for at in range(0, len(found), 6))


def fence(text: str, language: str = "") -> str:
    """A code block whose fence is longer than any run of backticks inside."""
    longest = run = 0
    for char in text:
        run = run + 1 if char == "`" else 0
        longest = max(longest, run)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}{language}\n{text.strip(chr(10))}\n{ticks}"


def render_markdown(diagnosis: Diagnosis, *, explain: bool = False, everything: bool = False) -> str:
    """The diagnosis as GitHub-flavoured Markdown, ending with a line break."""
    d, lang = diagnosis, diagnosis.lang
    blocks = [f"**{escape(d.verdict)}**"]
    if d.respected:
        blocks.append(escape(respected(d)))
    for item in d.largest:
        head, *rows = ["| " + " | ".join(map(escape, row)) + " |" for row in largest_table(item, d)]
        blocks += [f"### {word('heading.largest', lang)}", "\n".join([head, "|---|--:|--:|---|", *rows])]
        blocks.append(" ".join(map(escape, largest_notes(item, d))))
    if d.held is not None:
        parts = [f"| {escape(part.title)} | {format_gib(part.gib)} |" for part in d.held.components]
        head = f"| {format_gib(d.held.total_gib)} | GiB |\n|---|---:|"
        blocks += [f"### {word('heading.held', lang)}", "\n".join([head, *parts])]
    if d.estimate is not None and d.estimate.components:
        blocks += [f"### {word('heading.memory', lang)}", _memory(d.estimate, diagnosis)]
    if d.causes:
        blocks.append(f"### {word('heading.why', lang)}")
        causes = [f"- **{escape(c.title)}** ({c.confidence:.0%}): {escape(c.because)}" for c in d.causes[:3]]
        blocks.append("\n".join(causes))
    remedies = d.remedies if everything else d.remedies[:5]
    if remedies:
        heading = "heading.remedies" if d.failure.kind in VRAM_KINDS else "heading.help"
        blocks += [f"### {word(heading, lang)}", *_remedies(remedies, diagnosis)]
    if d.plan is not None:
        heading = d.plan.heading
        steps = " + ".join(map(escape, d.plan.titles))
        line = f"{steps}: {format_gib(d.plan.peak_gib)}"
        if d.estimate is not None and d.estimate.capacity_gib is not None:
            line += f" / {format_gib(d.estimate.capacity_gib)}"
        if d.plan.host_ram_gib:
            line += f". {word('plan_host_ram', lang, gib=format_gib(d.plan.host_ram_gib))}"
        blocks += [f"### {word(heading, lang)}", line]
        if d.edit is not None and d.edit.diff and d.edit.steps == d.plan.steps:
            blocks.append(fence(d.edit.diff, "diff"))
    if d.hardware:
        blocks.append(escape(d.hardware))
    if d.questions:
        blocks.append(f"### {word('heading.questions', lang)}")
        blocks.append("\n".join(f"- {escape(q.text)} ({escape(q.why)})" for q in d.questions))
    if explain:
        blocks += _trace(diagnosis)
    if d.redactions:
        blocks.append(word("redacted", lang, count=d.redactions))
    return "\n\n".join(blocks) + "\n"


def render_estimate_markdown(
    parts: Iterable[Component],
    assumed: Mapping[str, FactValue],
    *,
    need: tuple[float, float, float],
    capacity: float | None,
    warnings: Iterable[str] = (),
    lang: Lang = "en",
) -> str:
    """An estimate as a Markdown table: the parts in GiB below what the card must have (low end, expected, high end of the interval)."""
    card = f" / {format_gib(capacity)}" if capacity is not None else ""
    interval = word("interval", lang, low=format_gib(need[0]), high=format_gib(need[2]))
    rows = [f"| {format_gib(need[1])}{card} ({interval}) | GiB |", "|---|---:|"]
    for part in sorted(parts, key=lambda part: -part.gib):
        key = f"component.{part.id}"
        title = word(key, lang) if key in WORDS else part.id
        rows.append(f"| {escape(title)} | {format_gib(part.gib)} |")
    blocks = ["\n".join(rows)]
    if assumed:
        blocks.append(escape(word("assumed", lang, list=listed(assumed))))
    return "\n\n".join([*blocks, *map(escape, warnings)]) + "\n"


def _memory(estimate: EstimateReport, d: Diagnosis) -> str:
    rows = [
        f"| {escape(part.title)} | {format_gib(part.gib)} |"
        for part in sorted(estimate.components, key=lambda c: -c.gib)
    ]
    capacity = f" / {format_gib(estimate.capacity_gib)}" if estimate.capacity_gib is not None else ""
    interval = word("interval", d.lang, low=format_gib(estimate.need_low_gib), high=format_gib(estimate.need_high_gib))
    head = f"| {format_gib(estimate.need_gib)}{capacity} ({interval}) | GiB |\n|---|---:|"
    text = "\n".join([head, *rows])
    if estimate.assumed:
        text += f"\n\n{escape(word('assumed', d.lang, list=listed(estimate.assumed)))}"
    return "\n\n".join([text, *map(escape, estimate.warnings)])


def _remedies(remedies: Iterable[RemedyReport], d: Diagnosis) -> list[str]:
    lang = d.lang
    remedies = list(remedies)
    blocks = []
    if any(remedy.saves for remedy in remedies):
        keys = ("rank", "remedy", "saves", "after", "fits", "time", "risk")
        rows = ["| " + " | ".join(word(f"column.{key}", lang) for key in keys) + " |", "|--:|---|--:|--:|:-:|--:|---|"]
        for r in remedies:
            fits = "?" if r.fits is None else word("yes" if r.fits else "no", lang)
            saves = format_gib(r.saves.expected) if r.saves else "?"
            after = format_gib(r.peak_after_gib) if r.peak_after_gib is not None else "?"
            time = f"x{r.time_cost:g}"
            risk = word(f"risk.{r.quality_risk}", lang)
            rows.append(f"| {r.rank} | {escape(r.title)} | {saves} | {after} | {fits} | {time} | {risk} |")
        blocks.append("\n".join(rows))
    for r in remedies:
        reason = f" {escape(r.because)}" if r.because else ""
        blocks.append(f"{r.rank}. **{escape(r.title)}**.{reason}")
        blocks += [_change(change) for change in r.changes[:2]]
    return blocks


def _change(change: Change) -> str:
    if change.kind == "prose":
        return escape(change.text)
    language = {"flag": "sh", "shell": "sh", "env": "sh"}.get(change.kind, change.kind)
    block = fence(change.text, language)
    return f"{block}\n\n{escape(change.note)}" if change.note else block


def _unplaced(item: Evidence) -> str:
    return "measured" if item.origin == "measured" else "stated_option"


def _trace(d: Diagnosis) -> list[str]:
    blocks = [f"### {word('heading.trace', d.lang)}"]
    for step in d.trace:
        conditions = escape("; ".join(step.conditions))
        blocks.append(f"- **{escape(step.rule)}** ({conditions}) → {escape(', '.join(step.concluded))}")
    blocks.append(f"### {word('heading.evidence', d.lang)}")
    for item in d.evidence:
        place = word("line", d.lang, line=item.line) if item.line else word(_unplaced(item), d.lang)
        blocks.append(f"- {escape(f'{item.fact} = {item.value}')} ({escape(place)}): {escape(item.quote)}")
    if d.sources:
        blocks.append(f"### {word('heading.sources', d.lang)}")
        blocks.append("\n".join(f"- {escape(s.title)} {s.url}" for s in d.sources))
    return blocks
