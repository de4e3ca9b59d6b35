"""The report of a triage as Markdown and as one HTML page with plots, which needs nothing but itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape as html_escape
from pathlib import Path

from advisor.errors import InputError
from advisor.facts import Lang
from advisor.records import Remedy
from advisor.render.markdown import escape
from advisor.render.plot import escape as svg_escape
from advisor.triage.sections import Section, headline, sections
from advisor.triage.tally import Tally
from advisor.triage.words import say

_STYLE = """
:root { color-scheme: light dark; --bar: #3a6ea5; --line: #8884; }
@media (prefers-color-scheme: dark) { :root { --bar: #7fb0e6; } }
body { font: 15px/1.5 system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; max-width: 62rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
dl { display: flex; flex-wrap: wrap; gap: .5rem 2.5rem; } dt { opacity: .7; } dd { margin: 0; font-size: 1.4rem; font-weight: 600; }
table { border-collapse: collapse; } th, td { text-align: right; padding: .15rem .8rem; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; padding-left: 0; overflow-wrap: anywhere; }
svg { width: 100%; height: auto; } svg rect { fill: var(--bar); } svg text { fill: currentColor; font-size: 13px; }
p { max-width: 48rem; opacity: .85; }
"""
_WIDTH, _LABEL, _STEP, _BAR, _NAME = 860, 310, 24, 16, 42


def markdown(tally: Tally, remedies: Mapping[str, Remedy], lang: Lang) -> str:
    """The report as GitHub-flavoured Markdown; names out of foreign texts are shown as they are and format nothing."""
    blocks = [f"# {say('title', lang, texts=tally.texts + tally.errors)}"]
    blocks.append("\n".join(f"- {escape(name)}: **{value}**" for name, value in headline(tally, lang)))
    if not tally.failures:
        blocks.append(say("none", lang))
    for section in sections(tally, remedies, lang):
        blocks.append(f"## {escape(section.title)}")
        if section.note:
            blocks.append(section.note)
        rows = ["| " + " | ".join(map(escape, section.columns)) + " |", "|---|" + "--:|" * (len(section.columns) - 1)]
        rows += ["| " + " | ".join([escape(row[0]), *row[1:]]) + " |" for row in section.rows]
        blocks.append("\n".join(rows))
        if section.more:
            blocks.append(say("and_others", lang, count=section.more))
    return "\n\n".join(blocks) + "\n"


def page(tally: Tally, remedies: Mapping[str, Remedy], lang: Lang) -> str:
    """The report as one HTML page: no scripts, nothing loaded from elsewhere, foreign text escaped."""
    title = say("title", lang, texts=tally.texts + tally.errors)
    figures = "".join(
        f"<div><dt>{html_escape(name)}</dt><dd>{html_escape(value)}</dd></div>" for name, value in headline(tally, lang)
    )
    body = [f"<h1>{html_escape(title)}</h1>", f"<dl>{figures}</dl>"]
    if not tally.failures:
        body.append(f"<p>{html_escape(say('none', lang))}</p>")
    for section in sections(tally, remedies, lang):
        body.append(f"<h2>{html_escape(section.title)}</h2>")
        if section.note:
            body.append(f"<p>{html_escape(section.note.replace('`', ''))}</p>")
        body.append(_plot(section))
        body.append(_table(section))
        if section.more:
            body.append(f"<p>{html_escape(say('and_others', lang, count=section.more))}</p>")
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        f'<!doctype html>\n<html lang="{"zh-CN" if lang == "zh" else "en"}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{html_escape(title)}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n" + "\n".join(body) + "\n</body>\n</html>\n"
    )


def _table(section: Section) -> str:
    head = "".join(f"<th>{html_escape(name)}</th>" for name in section.columns)
    rows = "".join(
        "<tr>" + "".join(f"<td>{html_escape(cell)}</td>" for cell in row) + "</tr>\n" for row in section.rows
    )
    return f"<table>\n<tr>{head}</tr>\n{rows}</table>"


def _plot(section: Section) -> str:
    """Horizontal bars, one a row, with their names before and their figures after them."""
    faint = section.faint or section.bars
    largest = max(faint, default=0.0)
    if not largest:
        return ""
    height = _STEP * len(section.bars) + 4
    room = _WIDTH - _LABEL - 70
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" xmlns="http://www.w3.org/2000/svg">',
        f"<title>{svg_escape(section.title)}</title>",
    ]
    for place, (row, value, behind) in enumerate(zip(section.rows, section.bars, faint, strict=True)):
        top = place * _STEP + 4
        box = f'x="{_LABEL}" y="{top}" height="{_BAR}" rx="2"'
        parts.append(f'<text x="{_LABEL - 8}" y="{top + 13}" text-anchor="end">{svg_escape(_shortened(row[0]))}</text>')
        if behind > value:
            parts.append(f'<rect {box} width="{room * behind / largest:.1f}" opacity="0.35"/>')
        parts.append(f'<rect {box} width="{room * value / largest:.1f}"/>')
        figure = f"{value:g}" if behind <= value else f"{value:g} / {behind:g}"
        parts.append(f'<text x="{_LABEL + room * max(value, behind) / largest + 6:.1f}" y="{top + 13}">{figure}</text>')
    return "\n".join([*parts, "</svg>"])


def _shortened(name: str) -> str:
    """The name as far as it has room before the bars; characters of Chinese take twice the room."""
    room = _NAME
    for place, char in enumerate(name):
        room -= 2 if char > "\u2e80" else 1
        if room < 0:
            return name[:place] + "…"
    return name


def write_reports(paths: Sequence[str], tally: Tally, remedies: Mapping[str, Remedy], lang: Lang) -> None:
    """Writes the report to each path, as HTML where it ends in .html, else as Markdown.

    Raises:
        InputError: a file can't be written.
    """
    for path in paths:
        form = page if path.lower().endswith((".html", ".htm")) else markdown
        try:
            Path(path).write_text(form(tally, remedies, lang), encoding="utf-8")
        except OSError as error:
            raise InputError(f"can't be written: {error.strerror or error}", place=path) from None
