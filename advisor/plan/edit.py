"""Remedies as edits of a specification: what is already on, what can apply, which settings there are, and the specification after one."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from advisor.facts import FactValue
from advisor.library import Library
from advisor.plan.outcome import Preferences, Spec
from advisor.records import Change, Edit, Remedy
from advisor.rule import COMPARISONS, Condition, as_word

# What programs of one's own are written with; above them another one usually stands.
LIBRARIES = frozenset({"", "pytorch", "deepspeed", "accelerate", "peft", "bitsandbytes"})
MAX_HALVINGS = 10
_SPLIT = re.compile(r"(?:tp|pp|fsdp)(\d+)")
_OPERATORS = frozenset({*COMPARISONS, "is", "in", "not_in", "matches"})


def already_on(remedy: Remedy, facts: Mapping[str, Any]) -> bool:
    """Whether the remedy is in force or of no use by `useless_when`, or by `tried.<id>`: any one of them is enough."""
    if facts.get(f"tried.{remedy.id}"):
        return True
    return any(
        name in facts and as_word(facts[name]) in {as_word(value) for value in allowed}
        for name, allowed in remedy.useless_when.items()
    )


def changes_nothing(remedy: Remedy, facts: Spec) -> bool:
    """Whether every setting leaves the run as it is: all that the remedy touches is known, and stands so or beyond already."""
    known = all(name in facts for edit in remedy.edit for name in (*edit.set, *edit.halve))
    return bool(remedy.edit) and known and next(settings(remedy, facts), None) is None


def applicable(remedy: Remedy, facts: Mapping[str, Any]) -> bool:
    """Whether nothing that is known speaks against `applies_to` and `needs`; an unknown fact passes."""
    for name, allowed in remedy.applies_to.items():
        if name in facts and as_word(facts[name]) not in {as_word(value) for value in allowed}:
            return False
    return all(condition.field not in facts or condition.holds(facts) for condition in needs(remedy))


def offered(remedy: Remedy, framework: str, library: Library) -> bool:
    """Whether the program that ran can take the remedy: it, or a family of it above PyTorch, has a change for it, or needs none.

    An unknown program passes, and so does one of which only the libraries below it are known.
    """
    if remedy.reach == "any" or framework in LIBRARIES:
        return True
    chain = [name for name in library.lineage(framework) if name != "pytorch"]
    if any(name in remedy.changes for name in chain):
        return True
    known = [library.frameworks[name] for name in chain if name in library.frameworks]
    is_torch = any(item.family == "pytorch" for item in known)
    return remedy.reach == "scripts" and is_torch and not any(item.closed for item in known[:1])


def needs(remedy: Remedy) -> tuple[Condition, ...]:
    """The `needs` of a remedy as conditions."""
    conditions = []
    for name, test in remedy.needs.items():
        if isinstance(test, dict):
            conditions += [Condition(name, op, value) for op, value in test.items() if op in _OPERATORS]
        else:
            conditions.append(Condition(name, "in" if isinstance(test, list) else "is", test))
    return tuple(conditions)


def forbidden(remedy: Remedy, preferences: Preferences) -> bool:
    """Whether the person does not want it: named in `forbid`, or it changes a fact of `keep`."""
    words = set(remedy.id.split("_"))
    if any(word == remedy.id or word in words for word in preferences.forbid):
        return True
    touched = {name for edit in remedy.edit for name in (*edit.set, *edit.halve, *edit.double)}
    return any(name in touched or remedy.id.endswith(name) for name in preferences.keep)


def settings(remedy: Remedy, spec: Spec) -> Iterator[Edit]:
    """The settings of a remedy that change `spec`, the mildest first.

    An edit with `until_fits` yields one setting per halving, each as a plain `set`. Edits of facts that are not in the
    specification can't be halved and are left out, and so are splits over more cards than there are.
    """
    seen: list[dict[str, FactValue]] = []
    for edit in remedy.edit:
        if not at_home(edit.where, spec):
            continue
        for setting in _spread(edit, spec):
            changed = changes_of(setting, spec)
            if (
                changed
                and changed not in seen
                and _enough_cards(changed, spec)
                and _goes_its_way(remedy, changed, spec)
            ):
                seen.append(changed)
                yield setting
                if edit.take:
                    return  # the very value that fits is known


def tailored(remedy: Remedy, framework: str, library: Library) -> Remedy:
    """The remedy with the settings that the program has a change for: one may quantise to 8 bits and not to 4."""
    for name in library.lineage(framework or "pytorch"):
        changes = remedy.changes.get(name)
        if changes:
            edits = [edit for edit in remedy.edit if any(_writes(change, edit) for change in changes)]
            return remedy if len(edits) == len(remedy.edit) else replace(remedy, edit=edits)
    return remedy


def _writes(change: Change, edit: Edit) -> bool:
    """Whether the setting may end where the change is for, by what the setting makes of the run and what it takes for granted."""
    for name, allowed in change.where.items():
        ends = [edit.set[name]] if name in edit.set else edit.where.get(name, ())
        if ends and not any(at_home({name: allowed}, {name: value}) for value in ends):
            return False
    return True


def at_home(where: Mapping[str, Sequence[Any]], spec: Mapping[str, Any]) -> bool:
    """Whether the facts of `where` have one of its values each; `unknown` stands for an absent one."""
    return all(as_word(spec.get(name)) in {as_word(value) for value in allowed} for name, allowed in where.items())


def _goes_its_way(remedy: Remedy, changed: Spec, spec: Spec) -> bool:
    """Whether a setting that reduces something does, and one that raises it: a run may be beyond it already."""
    ways, more = (_SPLIT.findall(str(words.get("parallelism", ""))) for words in (spec, changed))
    if ways and more and math.prod(map(int, more)) <= math.prod(map(int, ways)):
        return False  # over more cards than now, or it is none
    down, up = remedy.id.startswith(("reduce_", "smaller_")), remedy.id.startswith(("raise_", "more_gpus"))
    if not (down or up):
        return True
    for name, value in changed.items():
        before, after = _size(spec.get(name)), _size(value)
        if before is not None and after is not None and (after >= before if down else after <= before):
            return False
    return True


def _size(value: FactValue | None) -> float | None:
    """A number, or the pixels of `WxH`; None for anything else."""
    if isinstance(value, str):
        sides = value.split("x")
        if not all(side.isdigit() for side in sides) or len(sides) > 2:
            return None
        return float(int(sides[0]) * int(sides[-1]))
    return None if isinstance(value, bool) or not isinstance(value, int | float) else float(value)


def _enough_cards(changed: Spec, spec: Spec) -> bool:
    """Whether a split such as `tp4` finds its cards: as many as are known of, one where nothing is known."""
    ways = _SPLIT.findall(str(changed.get("parallelism", "")))
    count = changed.get("gpu_count", spec.get("gpu_count", 1))
    return not ways or (isinstance(count, int) and math.prod(int(number) for number in ways) <= count)


def _spread(edit: Edit, spec: Spec) -> Iterator[Edit]:
    if edit.take:
        taken = {name: spec[other] for name, other in edit.take.items() if _lowers(spec.get(other), spec.get(name))}
        if taken:
            yield Edit(set={**edit.set, **taken}, fill=edit.fill)  # type: ignore[dict-item]
        return
    if not edit.halve:
        yield edit
        return
    current: dict[str, FactValue] = dict(spec)
    for _ in range(MAX_HALVINGS * edit.fine if edit.until_fits else 1):
        following = _halved(edit, current)
        if following == current:
            return
        current = following
        yield Edit(set={name: value for name, value in current.items() if spec.get(name) != value})  # type: ignore[misc]


def _lowers(value: FactValue | None, present: FactValue | None) -> bool:
    """Whether a number is known, and below the present one where that is known too."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        return False
    return isinstance(present, bool) or not isinstance(present, int | float) or value < present


def _halved(edit: Edit, spec: Spec) -> dict[str, FactValue]:
    after: dict[str, FactValue] = dict(spec)
    moved = False
    for name in edit.halve:
        value = spec.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= edit.floor:
            continue
        less = value / 2 if edit.fine == 1 else value * 0.5 ** (1 / edit.fine)
        after[name] = (
            max(int(edit.floor), min(int(less), value - 1)) if isinstance(value, int) else max(edit.floor, less)
        )
        moved = True
    if not moved:
        return after
    for name in edit.double:
        value = spec.get(name, 1)
        if isinstance(value, int | float) and not isinstance(value, bool):
            after[name] = value * 2
    _set(edit, after)
    return after


def _set(edit: Edit, after: dict[str, FactValue]) -> None:
    for name, value in edit.set.items():
        own = after.get(name)
        # What is frozen already stays frozen.
        after[name] = list(dict.fromkeys([*own, str(value)])) if isinstance(own, list) else value
    for name, value in edit.fill.items():
        after.setdefault(name, value)


def apply(edit: Edit, spec: Spec) -> dict[str, FactValue]:
    """The specification after the edit: halved once, doubled, then set and filled in. Facts that can't be halved stay."""
    after = _halved(edit, spec) if edit.halve else dict(spec)
    _set(edit, after)
    return after


def changes_of(edit: Edit, spec: Spec) -> dict[str, FactValue]:
    """The facts that the edit changes, with their new values; empty when it leaves the run as it is."""
    after = apply(edit, spec)
    return {name: value for name, value in after.items() if name not in spec or spec[name] != value}
