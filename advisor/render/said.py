"""Parts of an answer that several outputs share: what the person ruled out, and the largest that fits."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.render.layout import listed
from advisor.report import Diagnosis, Largest
from advisor.units import format_gib
from advisor.wording import word


def respected(d: Diagnosis) -> str:
    """What the person ruled out or insisted on, in one line; empty for nothing."""
    if not d.respected:
        return ""
    one = [word("respected.one", d.lang, text=item.text, line=item.line) for item in d.respected]
    return word("respected", d.lang, list=word("semicolon", d.lang).join(one))


def largest_table(item: Largest, d: Diagnosis) -> list[Sequence[str]]:
    """The heading and one row per way: its name, the value for sure, the likely value, and what it needs or an example."""
    lang = d.lang
    head = [word(f"largest.{key}", lang) for key in ("sure", "likely")]
    rows: list[Sequence[str]] = [(item.title, *head, "")]
    for row in item.rows:
        if row.limited:
            note = word("largest.limited", lang)
        elif row.example:
            note = word("largest.example_of", lang, name=row.example)
        else:
            note = word("largest.need", lang, gib=format_gib(row.need_gib)) if row.need_gib else ""
        rows.append((row.title, item.said(row.value), item.said(row.likely), note))
    return rows


def largest_notes(item: Largest, d: Diagnosis) -> list[str]:
    """What the table takes for granted, and what its columns mean."""
    groups: dict[str, list[str]] = {}
    for row, given in zip(item.rows, item.given, strict=True):
        way = {"parallelism": row.words["parallelism"]} if row.words.get("parallelism") else {}
        groups.setdefault(listed({**given, **way}), []).append(row.title)
    comma = word("comma", d.lang)
    said = [
        taken if len(groups) == 1 else f"{taken} ({comma.join(titles)})" for taken, titles in groups.items() if taken
    ]
    notes = [word("largest.given", d.lang, list=word("semicolon", d.lang).join(said))] if said else []
    return [*notes, word("largest.by_size" if item.fact == "params_b" else "largest.by_interval", d.lang)]
