"""Every condition tests a field that exists, with an operator and a value that its type allows."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

import re2

from advisor.errors import Fault
from advisor.facts import FAILURE_KINDS, FactSpec
from advisor.library import Library
from advisor.lint._place import fault_in
from advisor.rule import COMPARISONS, MEMORY_FIELDS, MEMORY_WORDS, UNKNOWN, Condition, Rule, as_word
from advisor.vocabulary import VOCABULARY

_NUMBERS = frozenset({"int", "float", "gib"})
_BOOLEANS = frozenset({"true", "false", UNKNOWN})


def check(library: Library) -> Iterator[Fault]:
    """Faults of the conditions of all rules, and of the facts in their cases."""
    names = known_fields(library)
    for rule in library.rules:
        for condition in rule.conditions():
            message = _unknown(condition.field, names) or _wrong(condition)
            if message:
                yield fault_in(rule, condition.field, message)
        yield from _cases(rule, names)


def known_fields(library: Library) -> Mapping[str, str]:
    """Every field that a rule can test, with what it is: a type of the vocabulary, `flag`, `number` or `word`."""
    names = {name: spec.kind for name, spec in VOCABULARY.items()} | {"kind": "kind"}
    names |= {f"signal.{name}": "flag" for name in library.signals}
    names |= {f"tried.{name}": "flag" for name in library.remedies}
    names |= {f"memory.{name}": "word" if name in MEMORY_WORDS else "number" for name in MEMORY_FIELDS}
    for rule in library.rules:
        for item in rule.then:
            if item.kind in ("derive", "cause"):
                names[f"{'derived' if item.kind == 'derive' else 'cause'}.{item.id}"] = "flag"
    return names


def _unknown(field: str, names: Mapping[str, str]) -> str:
    if field in names:
        return ""
    near = difflib.get_close_matches(field, names, n=1)
    hint = f", did you mean {near[0]}?" if near else ""
    return f"there is no field {field!r}{hint}"


def _values(condition: Condition) -> list[str]:
    values = condition.value if isinstance(condition.value, list) else [condition.value]
    return [as_word(value) for value in values]


def _wrong(condition: Condition) -> str:
    field, spec = condition.field, VOCABULARY.get(condition.field)
    if condition.op in ("in", "not_in") and (not isinstance(condition.value, list) or not condition.value):
        return f"{field}: `{condition.op}` takes a list of values"
    if condition.op not in ("in", "not_in") and isinstance(condition.value, list):
        return f"{field}: `{condition.op}` takes one value"
    if condition.op == "matches":
        return _pattern(condition, spec)
    if condition.op in COMPARISONS:
        return _comparison(condition, spec)
    if field.startswith(("signal.", "derived.", "cause.", "tried.")) and not set(_values(condition)) <= {
        "true",
        "false",
    }:
        return f"{field} is true or false"
    if field == "kind" and (strange := set(_values(condition)) - set(FAILURE_KINDS)):
        return f"kind: no failure kind {', '.join(sorted(strange))}"
    return _choice(condition, spec) if spec else ""


def _pattern(condition: Condition, spec: FactSpec | None) -> str:
    if spec is None or spec.kind not in ("id", "text", "list"):
        return f"{condition.field}: `matches` is for words"
    try:
        re2.compile(str(condition.value))
    except re2.error as error:
        return f"{condition.field}: not a pattern ({error})"
    return ""


def _comparison(condition: Condition, spec: FactSpec | None) -> str:
    field, value = condition.field, condition.value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"{field}: `{condition.op}` compares with a number"
    if spec is not None and spec.kind not in _NUMBERS:
        return f"{field} is a {spec.kind}, which `{condition.op}` can't compare"
    if spec is None and (not field.startswith("memory.") or field.removeprefix("memory.") in MEMORY_WORDS):
        return f"{field} is no number"
    if value != 0 and abs(value) < 1e-4:
        return f"{field}: {value!r} is smaller than the engine can read (0.0001)"
    if "e" in repr(value).lower():
        return f"{field}: write {value!r} without an exponent"
    return ""


def _choice(condition: Condition, spec: FactSpec) -> str:
    values = set(_values(condition)) - {UNKNOWN}
    if spec.choices and (strange := values - set(spec.choices)):
        return f"{spec.name} has no value {', '.join(sorted(strange))}; it has {', '.join(spec.choices)}"
    if spec.kind == "bool" and not values <= _BOOLEANS:
        return f"{spec.name} is true, false or unknown"
    if spec.kind in _NUMBERS and any(not _is_number(value) for value in values):
        return f"{spec.name} is a number"
    return ""


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _cases(rule: Rule, names: Mapping[str, str]) -> Iterator[Fault]:
    for case in rule.cases:
        for field in case.facts:
            if message := _unknown(field, names):
                yield fault_in(rule, field, f"case {case.name!r}: {message}")
