"""What a rule rests on: known sources, and cases that show when it fires and when it nearly does."""

from __future__ import annotations

from collections.abc import Iterator

from advisor.errors import Fault
from advisor.library import Library
from advisor.lint._place import fault_in


def check(library: Library) -> Iterator[Fault]:
    """Missing or unknown sources, missing cases, and cases that come out otherwise than they say."""
    for rule in library.rules:
        if not rule.sources:
            yield fault_in(rule, "sources", "it names no source")
        for source in rule.sources:
            if source not in library.sources:
                yield fault_in(rule, "sources", f"there is no source {source!r} in sources.yaml")
        outcomes = {case.fires for case in rule.cases}
        if True not in outcomes:
            yield fault_in(rule, "cases", "it has no case on which it fires")
        if False not in outcomes:
            yield fault_in(rule, "cases", "it has no near miss: a case on which it must stay silent")
        for case in rule.cases:
            failed = rule.failed(case.facts)
            if case.fires and failed:
                yield fault_in(
                    rule, case.name, f"case {case.name!r} should fire; {'; '.join(map(str, failed))} does not hold"
                )
            elif not case.fires and not failed:
                yield fault_in(rule, case.name, f"case {case.name!r} should stay silent, yet all its conditions hold")
