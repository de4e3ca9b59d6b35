"""A diagnosis or an estimate as a fragment of HTML for a notebook: every text escaped, styles inline, no scripts, no addresses loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Protocol

from advisor.facts import VRAM_KINDS, FactValue, Lang
from advisor.render.layout import listed
from advisor.render.plot import COLOURS, REST
from advisor.report import Change, Diagnosis, RemedyReport
from advisor.units import format_gib
from advisor.wording import WORDS, word

MAX_REMEDIES = 6
_BOX = "font-family:system-ui,'Noto Sans','Noto Sans CJK SC','PingFang SC','Microsoft YaHei',sans-serif;max-width:56rem;line-height:1.45"
_BAR = (
    "display:flex;height:1.4em;border:1px solid #8888;border-radius:3px;overflow:hidden;position:relative;margin:.3em 0"
)
_CODE = "background:#8882;padding:.4em .6em;border-radius:3px;white-space:pre-wrap;margin:.2em 0"
_CELL = "text-align:right;padding:.1em .7em"
_LEFT = "text-align:left;padding:.1em .7em"


class Part(Protocol):
    """A part of a bar."""

    @property
    def id(self) -> str: ...
    @property
    def gib(self) -> float: ...


def bar(parts: Iterable[Part], capacity: float | None, lang: Lang) -> str:
    """A stacked bar with its legend: GiB by part, against the card's capacity where it is known."""
    ordered = sorted((part for part in parts if part.gib > 0.004), key=lambda part: -part.gib)
    total = sum(part.gib for part in ordered)
    scale = max(total, capacity or 0.0)
    if scale <= 0:
        return ""
    segments, legend = [], []
    for index, part in enumerate(ordered):
        colour = COLOURS[index] if index < len(COLOURS) else REST
        title = escape(_title(part.id, lang))
        width = 100 * part.gib / scale
        segments.append(
            f'<div style="width:{width:.2f}%;background:{colour}" title="{title} {format_gib(part.gib)}"></div>'
        )
        legend.append(
            f'<span style="margin-right:1em;white-space:nowrap"><span style="color:{colour}">&#9632;</span> '
            f"{title} {format_gib(part.gib)}</span>"
        )
    mark = ""
    if capacity is not None and capacity < scale:
        place = 100 * capacity / scale
        mark = f'<div style="position:absolute;left:{place:.2f}%;top:0;bottom:0;border-left:3px solid #c00"></div>'
    return f'<div style="{_BAR}">{"".join(segments)}{mark}</div><div style="display:flex;flex-wrap:wrap">{"".join(legend)}</div>'


def render_html(diagnosis: Diagnosis, *, everything: bool = False) -> str:
    """The diagnosis as one `<div>`."""
    d, lang = diagnosis, diagnosis.lang
    bad = d.failure.kind in ("vram_oom", "kv_cache")
    blocks = [f'<p style="font-weight:bold{";color:#c00" if bad else ""}">{escape(d.verdict)}</p>']
    if d.held is not None:
        capacity = d.facts.get("gpu_capacity_gib")
        blocks += [
            _heading("heading.held", lang),
            bar(d.held.components, float(capacity) if isinstance(capacity, int | float) else None, lang),
        ]
    if d.estimate is not None and d.estimate.components:
        e = d.estimate
        line = f"{format_gib(e.need_gib)} ({word('interval', lang, low=format_gib(e.need_low_gib), high=format_gib(e.need_high_gib))})"
        if e.capacity_gib is not None:
            line += f" / {format_gib(e.capacity_gib)}"
        blocks += [
            _heading("heading.memory", lang),
            f"<div>{escape(line)}</div>",
            bar(e.components, e.capacity_gib, lang),
            _assumed(e.assumed, lang),
            *(f"<div>{escape(text)}</div>" for text in e.warnings),
        ]
    if d.causes:
        rows = [f"<li><b>{escape(c.title)}</b> ({c.confidence:.0%}): {escape(c.because)}</li>" for c in d.causes[:3]]
        blocks += [_heading("heading.why", lang), f"<ul>{''.join(rows)}</ul>"]
    remedies = d.remedies if everything else d.remedies[:MAX_REMEDIES]
    if remedies:
        heading = "heading.remedies" if d.failure.kind in VRAM_KINDS else "heading.help"
        blocks += [_heading(heading, lang), _remedies(remedies, lang)]
    if d.plan is not None:
        steps = f"{' + '.join(d.plan.titles)}: {format_gib(d.plan.peak_gib)}"
        blocks += [
            _heading(d.plan.heading, lang),
            f"<div>{escape(steps)}</div>",
        ]
        if d.edit is not None and d.edit.diff and d.edit.steps == d.plan.steps:
            blocks.append(f'<pre style="{_CODE}">{escape(d.edit.diff)}</pre>')
        else:
            blocks += [_change(change) for change in d.plan.changes]
    if d.hardware:
        blocks.append(f"<p>{escape(d.hardware)}</p>")
    if d.questions:
        rows = [f"<li>{escape(q.text)}{f' ({escape(q.why)})' if q.why else ''}</li>" for q in d.questions]
        blocks += [_heading("heading.questions", lang), f"<ul>{''.join(rows)}</ul>"]
    return f'<div style="{_BOX}">{"".join(blocks)}</div>'


def render_estimate_html(
    parts: Sequence[Part],
    figures: Mapping[str, float],
    assumed: Mapping[str, FactValue],
    *,
    need: tuple[float, float, float],
    capacity: float | None,
    warnings: Sequence[str] = (),
    lang: Lang = "en",
) -> str:
    """An estimate as one `<div>`.

    Args:
        parts: the peak by component, GiB.
        figures: further rows, name to GiB.
        need: GiB that the card must have: the interval's low end, by expectation, its high end.
    """
    line = f"<b>{format_gib(need[1])}</b> ({escape(word('interval', lang, low=format_gib(need[0]), high=format_gib(need[2])))})"
    if capacity is not None:
        fits = word("yes" if need[2] <= capacity else "no", lang)
        line += f" / {format_gib(capacity)}; {escape(word('column.fits', lang))}: {escape(fits)}"
    rows = [
        f'<tr><td style="{_LEFT}">{escape(name)}</td><td style="{_CELL}">{format_gib(value)}</td></tr>'
        for name, value in figures.items()
    ]
    notes = "".join(f"<div>{escape(text)}</div>" for text in warnings)
    body = (
        f"<div>{line}</div>{bar(parts, capacity, lang)}<table>{''.join(rows)}</table>{_assumed(assumed, lang)}{notes}"
    )
    return f'<div style="{_BOX}">{body}</div>'


def table_html(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column is words and whose others are figures."""
    cells = "".join(f'<th style="{_CELL if index else _LEFT}">{escape(text)}</th>' for index, text in enumerate(head))
    body = "".join(
        "<tr>"
        + "".join(f'<td style="{_CELL if index else _LEFT}">{escape(text)}</td>' for index, text in enumerate(row))
        + "</tr>"
        for row in rows
    )
    return f'<div style="{_BOX}"><table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table></div>'


def _title(part: str, lang: Lang) -> str:
    key = f"component.{part}"
    return word(key, lang) if key in WORDS else part


def _heading(key: str, lang: Lang) -> str:
    return f'<div style="font-weight:bold;margin-top:.8em">{escape(word(key, lang))}</div>'


def _assumed(assumed: Mapping[str, FactValue], lang: Lang) -> str:
    if not assumed:
        return ""
    return f'<div style="opacity:.7">{escape(word("assumed", lang, list=listed(assumed)))}</div>'


def _remedies(remedies: Sequence[RemedyReport], lang: Lang) -> str:
    table = ""
    if any(remedy.saves for remedy in remedies):
        keys = ("remedy", "saves", "after", "fits", "time", "risk")
        head = "".join(
            f'<th style="{_CELL if index else _LEFT}">{escape(word(f"column.{key}", lang))}</th>'
            for index, key in enumerate(keys)
        )
        table = (
            f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(_row(r, lang) for r in remedies)}</tbody></table>"
        )
    details = []
    for r in remedies:
        changes = "".join(_change(change) for change in r.changes[:2])
        details.append(f"<li><b>{escape(r.title)}</b> {escape(r.because)}{changes}</li>")
    return f"{table}<ol>{''.join(details)}</ol>"


def _row(r: RemedyReport, lang: Lang) -> str:
    unknown = word("unknown", lang)
    figures = (
        format_gib(r.saves.expected) if r.saves else unknown,
        format_gib(r.peak_after_gib) if r.peak_after_gib is not None else unknown,
        unknown if r.fits is None else word("yes" if r.fits else "no", lang),
        f"x{r.time_cost:g}",
        word(f"risk.{r.quality_risk}", lang),
    )
    cells = "".join(f'<td style="{_CELL}">{escape(text)}</td>' for text in figures)
    return f'<tr><td style="{_LEFT}">{r.rank}. {escape(r.title)}</td>{cells}</tr>'


def _change(change: Change) -> str:
    if change.kind == "prose":
        return f"<div>{escape(change.text)}</div>"
    note = f'<div style="opacity:.7">{escape(change.note)}</div>' if change.note else ""
    return f'<pre style="{_CODE}">{escape(change.text.strip(chr(10)))}</pre>{note}'
