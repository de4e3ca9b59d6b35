"""The cheapest set of remedies with which a run fits, found by branch and bound over compatible remedies and their settings.

Remedies that exclude each other or change the same fact share one dimension, of which at most one setting is chosen; a plan is one
choice per dimension. Choices are enumerated in the order of their cost (the lazy enumeration of the smallest sums), so the first that
fits is the cheapest. Two bounds keep that short: a setting with which nothing fits, even with all that goes with it, is dropped; and
where the strongest settings together do not fit, nothing does. They rest on the assumption that a further remedy never raises what
the run needs. Where remedies of different dimensions exclude each other the bounds may drop too much, so what is cheaper than the
plan found is then enumerated without them, as far as the budget of estimates reaches; a plan is `proven` when it reached the end.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import force_setattr

from advisor.facts import FactValue
from advisor.plan.edit import apply, changes_of
from advisor.plan.meter import Meter
from advisor.plan.outcome import Plan, Spec, Step, peak_gib
from advisor.records import Edit, Remedy

_SAME_COST = 1e-9
MAX_CHOICES = 4000  # choices looked at; most are refused without an estimate


class Option(Struct, frozen=True):
    """One setting of one remedy with its cost; the empty option of a dimension has no remedy."""

    cost: float
    remedy: Remedy | None = None
    edit: Edit | None = None
    touched: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.remedy is not None:
            force_setattr(self, "touched", _touched(self.remedy))


class Searched(Struct, frozen=True):
    """What a search found: `plan` is None only where there is nothing to choose from."""

    plan: Plan | None
    strongest: Plan | None


_NOTHING = Option(0.0)


def _touched(remedy: Remedy) -> frozenset[str]:
    return frozenset(name for edit in remedy.edit for name in (*edit.set, *edit.halve, *edit.double))


def conflict(one: Remedy, other: Remedy) -> bool:
    """Whether two remedies can't go together: one excludes the other, or both change the same fact."""
    return other.id in one.excludes or one.id in other.excludes or bool(_touched(one) & _touched(other))


def _conflicting(one: Option, other: Option) -> bool:
    if one.remedy is None or other.remedy is None:
        return False
    if not one.touched.isdisjoint(other.touched):
        return True
    return other.remedy.id in one.remedy.excludes or one.remedy.id in other.remedy.excludes


def _total(chosen: Sequence[Option]) -> float:
    return sum(option.cost for option in chosen)


def dimensions(options: Sequence[Option]) -> list[list[Option]]:
    """Options grouped so that all remedies of a group exclude each other; each group begins with the empty option."""
    groups: list[list[Option]] = []
    for option in sorted(options, key=lambda item: item.cost):
        remedy = option.remedy
        if remedy is None:
            continue
        for group in groups:
            if all(
                item.remedy is not None and (item.remedy is remedy or _conflicting(item, option)) for item in group[1:]
            ):
                group.append(option)
                break
        else:
            groups.append([_NOTHING, option])
    return groups


class Search:
    """One search over a set of options for one specification and capacity."""

    def __init__(self, meter: Meter, spec: Spec, filled: Spec, capacity_gib: float, budget: int) -> None:
        """
        Args:
            filled: `spec` with the values that the estimate assumed, so that an edit knows what to halve.
            capacity_gib: what the card offers.
            budget: estimates that this search may make.
        """
        self._meter = meter
        self._spec = spec
        self._filled = filled
        self._capacity = capacity_gib
        self._budget = budget
        self._last = meter.made + budget

    def run(self, name: str, options: Sequence[Option]) -> Searched:
        """The cheapest fitting plan, or the closest one where none fits."""
        groups = dimensions(options)
        if not groups:
            return Searched(None, None)
        order = sorted((option for group in groups for option in group[1:]), key=lambda option: self._need([option]))
        strongest = self._strongest(groups, order)
        found: list[Option] | None = None
        if self._need(strongest) <= self._capacity:
            found, _ = self._cheapest(self._possible(groups, order))
            fallback = self._greedy(strongest)
            if found is None or _total(fallback) < _total(found):
                found = fallback
        self._last = self._meter.made + self._budget  # what has been looked at was needed to know where to look
        # Without the bounds, up to what has been found: either something cheaper turns up, or nothing cheaper exists.
        cheaper, proven = self._cheapest(groups, below=_total(found) if found is not None else float("inf"))
        found = cheaper if cheaper is not None else found
        closest = self._plan("closest", strongest if found is None else found, proven=proven)
        return Searched(closest if found is None else self._plan(name, found, proven=proven), closest)

    def _after(self, chosen: Sequence[Option]) -> dict[str, FactValue]:
        """The specification with the chosen edits: facts that stay assumed stay out of it."""
        filled: dict[str, FactValue] = dict(self._filled)
        for option in chosen:
            if option.edit is not None:
                filled = apply(option.edit, filled)
        return {name: value for name, value in filled.items() if name in self._spec or self._filled.get(name) != value}

    def _need(self, chosen: Sequence[Option]) -> float:
        return self._meter.need(self._after(chosen))

    def _strongest(self, groups: list[list[Option]], order: Sequence[Option]) -> list[Option]:
        """The choice with the least need: each setting in turn with all that goes with it, then once more around the best."""
        best = min((self._with([option], order) for option in order), key=self._need)
        for option in order:
            trial = self._with([option], [*best, *order])
            if self._need(trial) < self._need(best):
                best = trial
        return best

    @staticmethod
    def _with(first: Sequence[Option], order: Sequence[Option]) -> list[Option]:
        """`first`, and of `order` one after the other whatever goes with what is chosen already."""
        chosen = list(first)
        for option in order:
            if all(option.remedy is not other.remedy and not _conflicting(option, other) for other in chosen):
                chosen.append(option)
        return chosen

    @staticmethod
    def _allowed(chosen: Sequence[Option]) -> bool:
        active = [option for option in chosen if option.remedy is not None]
        return not any(_conflicting(one, other) for index, one in enumerate(active) for other in active[:index])

    def _possible(self, groups: list[list[Option]], order: Sequence[Option]) -> list[list[Option]]:
        """The dimensions without the settings that fit with nothing; a dimension without which nothing fits has no empty option."""
        kept = []
        for group in groups:
            fitting = [option for option in group[1:] if self._need(self._with([option], order)) <= self._capacity]
            others = [option for option in order if option not in group]
            if self._need(self._with([], others)) <= self._capacity:
                fitting.insert(0, _NOTHING)
            if fitting and fitting != [_NOTHING]:
                kept.append(fitting)
        return kept

    def _greedy(self, best: list[Option]) -> list[Option]:
        """A fitting choice to fall back on: the strongest, less whatever can be left out, the costliest first."""
        chosen = [option for option in best if option.remedy is not None]
        for option in sorted(chosen, key=lambda item: -item.cost):
            fewer = [item for item in chosen if item is not option]
            if self._need(fewer) <= self._capacity:
                chosen = fewer
        return chosen

    def _cheapest(self, groups: list[list[Option]], below: float = float("inf")) -> tuple[list[Option] | None, bool]:
        """The first fitting choice that costs less than `below`, and whether all cheaper ones have been seen."""
        lists = sorted((sorted(group, key=lambda option: option.cost) for group in groups), key=_gap)
        start = (0,) * len(lists)
        heap: list[tuple[float, int, tuple[int, ...]]] = [(sum(group[0].cost for group in lists), 0, start)]
        for _ in range(MAX_CHOICES):
            if not heap or heap[0][0] >= below - _SAME_COST:
                return None, True
            _, place, indexes = heapq.heappop(heap)
            chosen = [group[index] for group, index in zip(lists, indexes, strict=True)]
            if self._allowed(chosen):
                if self._meter.made >= self._last:
                    return None, False
                if self._need(chosen) <= self._capacity:
                    return [option for option in chosen if option.remedy is not None], True
            for following in _successors(lists, indexes, place):
                heapq.heappush(heap, (_cost(lists, following[1]), following[0], following[1]))
        return None, False

    def _plan(self, name: str, chosen: Sequence[Option], *, proven: bool) -> Plan:
        steps, filled = [], dict(self._filled)
        for option in sorted(chosen, key=lambda item: item.cost):
            if option.remedy is None or option.edit is None:
                continue
            steps.append(Step(option.remedy, option.edit, changes_of(option.edit, filled)))
            filled = apply(option.edit, filled)
        spec = self._after(chosen)
        estimate = self._meter.try_(spec)
        need = self._meter.need(spec)
        peak = peak_gib(estimate) if estimate is not None else float("inf")
        cost = sum(option.cost for option in chosen)
        return Plan(name, tuple(steps), spec, peak, need, need <= self._capacity, cost, proven)


def _gap(group: Sequence[Option]) -> float:
    return group[1].cost - group[0].cost if len(group) > 1 else float("inf")


def _cost(lists: Sequence[Sequence[Option]], indexes: Sequence[int]) -> float:
    return sum(group[index].cost for group, index in zip(lists, indexes, strict=True))


def _successors(
    lists: Sequence[Sequence[Option]], indexes: tuple[int, ...], place: int
) -> list[tuple[int, tuple[int, ...]]]:
    """The choices that follow one in the enumeration of all sums, each reached exactly once."""
    following = []

    def moved(changes: dict[int, int]) -> tuple[int, ...]:
        return tuple(changes.get(position, index) for position, index in enumerate(indexes))

    if not lists:
        return []
    if indexes[place] + 1 < len(lists[place]):
        following.append((place, moved({place: indexes[place] + 1})))
    if place + 1 < len(lists) and len(lists[place + 1]) > 1:
        if indexes[place] > 0:
            following.append((place + 1, moved({place + 1: 1})))
        if indexes[place] == 1:
            following.append((place + 1, moved({place: 0, place + 1: 1})))
    return following
