"""Negation is stratified, so that the order of firing can't change what is concluded."""

from __future__ import annotations

from collections.abc import Iterator

from advisor.errors import Fault
from advisor.library import Library
from advisor.lint._place import fault_in
from advisor.rule import STRATA, Condition, as_word


def check(library: Library) -> Iterator[Fault]:
    """Rules that deny, or need, what is only concluded in their own or a later stratum."""
    first, last = _strata_of_conclusions(library)
    for rule in library.rules:
        for condition in rule.conditions():
            field = condition.field
            if field not in first:
                continue
            if _denies(condition) and last[field] >= rule.stratum:
                yield fault_in(
                    rule,
                    field,
                    f"denies {field}, which is concluded in {STRATA[last[field]]!r}: only an earlier stratum can be denied",
                )
            elif first[field] > rule.stratum:
                yield fault_in(rule, field, f"needs {field}, which is concluded later, in {STRATA[first[field]]!r}")


def _strata_of_conclusions(library: Library) -> tuple[dict[str, int], dict[str, int]]:
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for rule in library.rules:
        for item in rule.then:
            if item.kind in ("derive", "cause"):
                field = f"{'derived' if item.kind == 'derive' else 'cause'}.{item.id}"
                first[field] = min(first.get(field, rule.stratum), rule.stratum)
                last[field] = max(last.get(field, rule.stratum), rule.stratum)
    return first, last


def _denies(condition: Condition) -> bool:
    values = condition.value if isinstance(condition.value, list) else [condition.value]
    words = {as_word(value) for value in values}
    return ("true" in words) if condition.op == "not_in" else ("false" in words)
