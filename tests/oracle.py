"""A forward chainer of plain lines: what the engine must conclude, without the engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from advisor.rule import Rule

_COMPARE = {"gt": lambda a, b: a > b, "gte": lambda a, b: a >= b, "lt": lambda a, b: a < b, "lte": lambda a, b: a <= b}


def _word(value: Any, field: str) -> str:
    if value is None:
        return "false" if field.split(".")[0] in ("signal", "derived", "cause", "tried") else "unknown"
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value == int(value) else str(value)


def _holds(field: str, op: str, wanted: Any, facts: Mapping[str, Any]) -> bool:
    got = facts.get(field)
    if op in _COMPARE:
        return got is not None and type(got) in (int, float) and _COMPARE[op](round(got, 4), round(wanted, 4))
    options = [_word(item, "") for item in (wanted if isinstance(wanted, list) else [wanted])]
    return (_word(got, field) in options) != (op == "not_in")


def chain(rules: Iterable[Rule], facts: Mapping[str, Any]) -> list[str]:
    """The ids of the rules that fire, sorted."""
    known, fired = dict(facts), set()
    for stratum in range(3):
        changed = True
        while changed:
            changed = False
            for rule in rules:
                all_of = all(_holds(c.field, c.op, c.value, known) for c in rule.when)
                branches = [all(_holds(c.field, c.op, c.value, known) for c in branch) for branch in rule.any]
                if rule.id in fired or rule.stratum != stratum or not all_of or (branches and not any(branches)):
                    continue
                fired.add(rule.id)
                changed = True
                known |= {f"derived.{c.id}": True for c in rule.then if c.kind == "derive"}
                known |= {f"cause.{c.id}": True for c in rule.then if c.kind == "cause"}
    return sorted(fired)
