"""Every conclusion names what exists: causes and remedies of the vocabulary; weights are sensible."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from advisor.errors import Fault
from advisor.library import Library
from advisor.lint._place import fault_in
from advisor.wording import WORDS

CAUSES = frozenset(name.removeprefix("cause.") for name in WORDS if name.startswith("cause."))
_ID = re.compile(r"[a-z0-9]+(?:[-_.][a-z0-9]+)*")


def check(library: Library) -> Iterator[Fault]:
    """Faults of the conclusions of all rules, and of the remedies that remedies exclude."""
    for rule in library.rules:
        if not rule.then:
            yield fault_in(rule, "then", "it concludes nothing")
        for item in rule.then:
            known = library.remedies if item.kind in ("remedy", "discourage") else CAUSES
            if item.kind != "derive" and item.id not in known:
                near = difflib.get_close_matches(item.id, list(known), n=1)
                hint = f", did you mean {near[0]}?" if near else ""
                yield fault_in(
                    rule, item.id, f"there is no {'cause' if item.kind == 'cause' else 'remedy'} {item.id!r}{hint}"
                )
            if item.kind == "derive" and not _ID.fullmatch(item.id):
                yield fault_in(rule, item.id, f"{item.id!r} is no id: lower case, digits, hyphens")
            if item.kind != "derive" and item.weight == 0:
                yield fault_in(rule, item.id, f"a weight of 0 for {item.id!r} says nothing")
        kinds = {item.kind for item in rule.then}
        if "derive" in kinds and len(kinds) > 1:
            yield fault_in(rule, "then", "a rule that derives a flag concludes nothing else: make it two rules")
    for remedy in library.remedies.values():
        for other in remedy.excludes:
            if other not in library.remedies:
                yield fault_in(remedy, other, f"excludes the unknown remedy {other!r}")
