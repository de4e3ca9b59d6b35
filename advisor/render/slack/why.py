"""Why a remedy is advised, as a view: what it does and costs, the rules with what held, the lines of the text, the documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from advisor.render.slack.blocks import (
    Block,
    Element,
    bullets,
    context,
    divider,
    line_break,
    link,
    plain,
    preformatted,
    rich,
    section,
    span,
    weight,
)
from advisor.render.slack.words import w
from advisor.report import Diagnosis, Step

MAX_RULES, MAX_LINES, MAX_SOURCES = 6, 10, 8
_MAX_VIEW = (
    40_000  # characters as JSON; a view may have more text than a message, but its parts are shortened all the same
)
_SCHEMES = ("https://", "http://")
_FIELDS = {"derive": "derived"}  # how a conclusion is called where it is a condition


def why_view(d: Diagnosis, remedy_id: str) -> dict[str, Any]:
    """The view for views.open and views.update: at most 100 blocks, title of 24 characters."""
    blocks = _blocks(d, remedy_id)
    while weight(blocks) > _MAX_VIEW:
        del blocks[-1]
    return {
        "type": "modal",
        "title": plain(w("why_title", d.lang), 24),
        "close": plain(w("close", d.lang), 24),
        "blocks": blocks,
    }


def _blocks(d: Diagnosis, remedy_id: str) -> list[Block]:
    lang = d.lang
    remedy = next((each for each in d.remedies if each.id == remedy_id), None)
    if remedy is None:
        return [rich(section([span(w("why_none", lang), 300)]))]
    head = [span(remedy.title, 200, bold=True)]
    if remedy.what:
        head += [line_break(), span(remedy.what, 700)]
    blocks = [rich(section(head))]
    steps = [step for step in d.trace if step.rule in remedy.rules]
    if not steps:
        blocks.append(rich(section([span(w("why_none", lang), 300)])))
    for step in steps[:MAX_RULES]:
        rows: list[Element] = [section([span(w("why_rule", lang, rule=step.rule), 150, bold=True)])]
        if step.because:
            rows.append(section([span(step.because, 500)]))
        if step.conditions:
            rows.append(bullets([span(each, 160, mono=True)] for each in step.conditions[:12]))
        blocks += [divider(), rich(*rows)]
    tested = _tested(d, steps)
    seen = [item for item in d.evidence if item.used and item.line and item.fact in tested]
    lines = list({item.fact: item for item in reversed(seen)}.values())[::-1][:MAX_LINES]  # the first of each fact
    if lines:
        blocks += [divider(), rich(section([span(w("why_lines", lang), 100, bold=True)]))]
    for item in lines:
        blocks.append(
            rich(
                section(
                    [
                        span(f"{item.fact} = {item.value}", 120, mono=True),
                        span(f"  {w('line', lang, line=item.line)}", 60),
                    ]
                ),
                preformatted(item.quote, 400),
            )
        )
    sources = [source for source in d.sources if source.id in remedy.sources][:MAX_SOURCES]
    if sources:
        documents = bullets([_source(source.url, source.title)] for source in sources)
        blocks += [divider(), rich(section([span(w("why_sources", lang), 100, bold=True)]), documents)]
    if remedy.changes:
        blocks += [divider(), rich(section([span(w("why_change", lang), 100, bold=True)]))]
    for change in remedy.changes[:4]:
        blocks.append(rich(preformatted(change.text, 900)))
        if change.note:
            blocks.append(context([change.note], 400))
    return blocks


def _tested(d: Diagnosis, steps: Sequence[Step]) -> set[str]:
    """The fields that the rules tested, with those behind the causes and flags that they built on."""
    behind: dict[str, list[Step]] = {}
    for step in d.trace:
        for conclusion in step.concluded:
            kind, name, *_ = [*conclusion.split(" "), ""]
            behind.setdefault(f"{_FIELDS.get(kind, kind)}.{name}", []).append(step)
    tested: set[str] = set()
    waiting = list(steps)
    while waiting:
        for condition in waiting.pop().conditions:
            field = condition.split(" ", 1)[0]
            if field not in tested:
                tested.add(field)
                waiting += behind.get(field, [])
    return tested


def _source(url: str, title: str) -> Element:
    if url.startswith(_SCHEMES) and len(url) <= 500 and url.isascii() and not set("<>| \n\"'").intersection(url):
        return link(url, title)
    return span(title, 200)
