"""A tally as tables: what every form of the report shows, in the order in which it shows it."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping

from msgspec import Struct

from advisor.facts import Lang
from advisor.records import Remedy
from advisor.triage.tally import COUNTED, OVER_STEPS, Help, Tally
from advisor.triage.words import say
from advisor.units import format_gib
from advisor.wording import word

ROWS = 15


class Section(Struct, frozen=True):
    """A table of counts.

    Attributes:
        title, note: its heading, and what is to be known for reading it.
        columns: the names of the columns; the first is that of the rows' names.
        rows: a name and its values, already in words; `bars` has the figure that a plot draws for each.
        faint: larger figures that the bars are a part of, drawn behind them.
        more: how many rows were left out.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    bars: tuple[float, ...]
    note: str = ""
    more: int = 0
    faint: tuple[float, ...] = ()


def sections(tally: Tally, remedies: Mapping[str, Remedy], lang: Lang) -> list[Section]:
    """The tables of a report; those without rows are left out."""
    found = [_kinds(tally, lang)]
    if tally.failures:
        of = tally.failures
        pairs = Counter({f"{model} / {card}": count for (model, card), count in tally.cross.items()})
        found += [
            _help(tally, remedies, lang),
            _counts("causes", _named(tally.causes, "cause", lang), lang, of),
            _counts("phases", _named(tally.phases, "phase", lang), lang, of),
            *(_counts(name, tally.by[name], lang, of) for name in COUNTED),
            _counts("cross", pairs, lang, of),
            _over(tally, lang),
        ]
    found.append(_counts("reasons", tally.reasons, lang))
    return [section for section in found if section.rows]


def _kinds(tally: Tally, lang: Lang) -> Section:
    named = Counter({say(f"kind.{kind}", lang): count for kind, count in tally.kinds.items()})
    return _counts("kinds", named, lang)


def _counts(key: str, counts: Counter[str], lang: Lang, of: int = 0) -> Section:
    """A table of counts, each with its share of `of`: the failures, of which one can have several causes, and some tell no model."""
    total = of or sum(counts.values())
    best = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    rows = tuple((name, str(count), f"{count / total:.1%}") for name, count in best[:ROWS])
    columns = (say("name", lang), say("count", lang), say("share", lang))
    return Section(
        say(key, lang), columns, rows, tuple(float(count) for _, count in best[:ROWS]), more=max(0, len(best) - ROWS)
    )


def _named(counts: Counter[str], prefix: str, lang: Lang) -> Counter[str]:
    named: Counter[str] = Counter()
    for name, count in counts.items():
        named[word(f"{prefix}.{name}", lang)] += count
    return named


def _help(tally: Tally, remedies: Mapping[str, Remedy], lang: Lang) -> Section:
    planned = bool(tally.plans[0])

    def weight(item: tuple[str, Help]) -> tuple[int, int, int, str]:
        name, help_ = item
        return (-help_.planned, -help_.first, -help_.among, name)

    best = sorted(tally.help.items(), key=weight)
    columns = [say(key, lang) for key in ("remedy", "first", "among")]
    if planned:
        columns += [say(key, lang) for key in ("planned", "alone", "saves")]
    rows = []
    for name, help_ in best[:ROWS]:
        title = remedies[name].title.get(lang, name) if name in remedies else name
        row = [title, str(help_.first), str(help_.among)]
        if planned:
            saved = format_gib(statistics.median(help_.saved)) if help_.saved else "-"
            row += [str(help_.planned), str(help_.alone), saved]
        rows.append(tuple(row))
    note = say("help.note", lang)
    if planned:
        note += " " + say("help.planned", lang) + " " + say("plans", lang, count=tally.plans[0], fits=tally.plans[1])
    bars = tuple(float(help_.planned if planned else help_.first) for _, help_ in best[:ROWS])
    faint = () if planned else tuple(float(help_.among) for _, help_ in best[:ROWS])
    return Section(say("help", lang), tuple(columns), tuple(rows), bars, note, max(0, len(best) - ROWS), faint)


def _over(tally: Tally, lang: Lang) -> Section:
    names = [say("over.under", lang)]
    names += [say("over.up_to", lang, high=f"{step:g}") for step in OVER_STEPS[1:]]
    names.append(say("over.more", lang, low=f"{OVER_STEPS[-1]:g}"))
    total = sum(tally.over)
    rows = tuple(
        (name, str(count), f"{count / total:.1%}") for name, count in zip(names, tally.over, strict=True) if total
    )
    columns = (say("name", lang), say("count", lang), say("share", lang))
    return Section(say("over", lang), columns, rows, tuple(map(float, tally.over)), say("over.note", lang))


def headline(tally: Tally, lang: Lang) -> list[tuple[str, str]]:
    """The figures at the top: a name and its value."""
    failures = str(tally.failures)
    if tally.texts:
        failures = say("of_texts", lang, count=failures, share=f"{tally.failures / tally.texts:.1%}")
    figures = [(say("texts", lang), str(tally.texts)), (say("failures", lang), failures)]
    figures.append((say("errors", lang), str(tally.errors)))
    if tally.redactions:
        figures.append((say("redactions", lang), str(tally.redactions)))
    return figures
