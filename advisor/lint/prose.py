"""What a rule says: in both languages, with placeholders that its conditions guarantee."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator

from advisor.errors import Fault
from advisor.library import Library
from advisor.lint._place import fault_in
from advisor.lint.fields import known_fields
from advisor.rule import Rule

_CHINESE = re.compile(r"[一-鿿]")


def check(library: Library) -> Iterator[Fault]:
    """Faults of `because` and `wrong_when` of all rules, and of the titles of remedies."""
    names = known_fields(library)
    for rule in library.rules:
        for key, text in (("because", rule.because), ("wrong_when", rule.wrong_when)):
            for lang in ("en", "zh"):
                if not text.get(lang, "").strip():
                    yield fault_in(rule, key, f"{key} lacks {lang!r}")
            if text.get("en") and _CHINESE.search(text["en"]):
                yield fault_in(rule, key, f"{key}: the English text holds Chinese")
            if text.get("zh") and not _CHINESE.search(text["zh"]):
                yield fault_in(rule, key, f"{key}: the Chinese text holds no Chinese")
        for sentence in rule.because.values():
            yield from _placeholders(rule, sentence, set(names))
    for remedy in library.remedies.values():
        for key, text in (("title", remedy.title), ("what", remedy.what)):
            for lang in ("en", "zh"):
                if not text.get(lang, "").strip():
                    yield fault_in(remedy, key, f"{key} lacks {lang!r}")


def _placeholders(rule: Rule, text: str, names: set[str]) -> Iterator[Fault]:
    firing = next((case for case in rule.cases if case.fires), None)
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError as error:
        yield fault_in(rule, "because", f"because: {error}")
        return
    for _, name, form, _ in parts:
        if name is None:
            continue
        if name not in names:
            yield fault_in(rule, "because", f"because: there is no field {name!r}")
        elif firing is not None and name not in firing.facts:
            yield fault_in(
                rule, "because", f"because: {name!r} may be unknown when the rule fires (its firing case lacks it)"
            )
        elif firing is not None:
            try:
                format(firing.facts[name], form or "")
            except ValueError:
                yield fault_in(rule, "because", f"because: {name!r} can't be written as {form!r}")
