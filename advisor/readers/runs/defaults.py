"""What a framework does where nothing is stated: values to assume, never facts."""

from __future__ import annotations

from collections.abc import Mapping

from advisor.errors import FactError
from advisor.facts import FactValue, check_fact
from advisor.library import Library
from advisor.units import in_versions


def defaults_for(
    framework: str, facts: Mapping[str, FactValue], library: Library, lower: str = ""
) -> dict[str, FactValue]:
    """The defaults of the framework and of the families that it builds on, nearest first, for facts that are not stated.

    Those of its version hold where that is known, else those of the current one. Defaults of a training
    framework hold for training only: with `task: inference` there are none from it.

    Args:
        lower: the text in lower case, where some of a program's defaults depend on what it runs.
    """
    found: dict[str, FactValue] = {}
    for name in library.lineage(framework):
        known = library.frameworks.get(name)
        if known is None or (known.tasks and facts.get("task", known.tasks[0]) not in known.tasks):
            continue
        version = str(facts.get("framework_version", "")) if name == framework else ""
        eras = [
            era.defaults
            for era in known.eras
            if version
            and in_versions(version, era.since, era.until)
            and (not era.seen or any(word.lower() in lower for word in era.seen))
        ]
        for fact, value in [*(item for era in eras for item in era.items()), *known.defaults.items()]:
            if fact in facts or fact in found:
                continue
            try:
                found[fact] = check_fact(fact, value)
            except FactError:
                continue
    return found
