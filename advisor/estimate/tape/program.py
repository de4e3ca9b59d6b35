"""A recording folded into linear forms: evaluated for any batch and length in microseconds."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from operator import mul

from msgspec import Struct

from advisor.estimate.tape.tensor import MARK, ONE, RANK, Event

# A form: (index of a (monomial, category) pair, coefficient), sparse.
Form = tuple[tuple[int, float], ...]


class Segment(Struct, frozen=True):
    """Events between two marks. `net` is what they leave behind; `peaks` the levels that can be the highest on the way."""

    phase: str
    scope: str
    times: float
    net: Form
    peaks: tuple[Form, ...]


class Place(Struct, frozen=True):
    """Where a phase is highest: the bytes, the segment, its level, and whether it is the last of the repeats."""

    total: float
    segment: int
    level: int
    last: bool


class Program(Struct, frozen=True):
    """The segments of a step in order, the (monomial, category) pairs that the forms index, and what is live after the step."""

    pairs: tuple[tuple[str, str], ...]
    segments: tuple[Segment, ...]
    final: Form

    def values(self, monomials: Mapping[str, float], shares: Mapping[str, float]) -> list[float]:
        """The value of each pair: that of its monomial ({"1": 1, "BS": 4096}) times the share of its category (1 where absent)."""
        return [monomials[rows] * shares.get(category, 1.0) for rows, category in self.pairs]

    def peaks(self, values: list[float]) -> dict[str, Place]:
        """Where each phase is highest, in bytes above what was live before the step."""
        best: dict[str, Place] = {}
        base = 0.0
        for number, segment in enumerate(self.segments):
            net = sum([values[index] * factor for index, factor in segment.net])
            high, which = 0.0, -1
            for level, form in enumerate(segment.peaks):
                found = sum([values[index] * factor for index, factor in form])
                if found > high:
                    high, which = found, level
            last = segment.times > 1 and net > 0
            top = base + high + (net * (segment.times - 1) if last else 0.0)
            known = best.get(segment.phase)
            if known is None or top > known.total:
                best[segment.phase] = Place(top, number, which, last)
            base += net * segment.times
        return best

    def parts(self, values: list[float], place: Place) -> dict[str, float]:
        """What is live at a place, by category, in bytes."""
        live = [0.0] * len(values)
        for segment in self.segments[: place.segment]:
            for index, factor in segment.net:
                live[index] += factor * segment.times
        there = self.segments[place.segment]
        if place.last:
            for index, factor in there.net:
                live[index] += factor * (there.times - 1)
        if place.level >= 0:
            for index, factor in there.peaks[place.level]:
                live[index] += factor
        parts: dict[str, float] = {}
        for (_, category), factor, value in zip(self.pairs, live, values, strict=True):
            if factor:
                parts[category] = parts.get(category, 0.0) + factor * value
        return parts

    def left(self, values: list[float]) -> dict[str, float]:
        """What is live after the step, by category, in bytes."""
        parts: dict[str, float] = {}
        for index, factor in self.final:
            category = self.pairs[index][1]
            parts[category] = parts.get(category, 0.0) + factor * values[index]
        return parts


def fold(events: list[Event], marks: list[tuple[str, str, float]]) -> Program:
    """The recording as forms. Between marks, only levels that no other level of the segment dominates are kept."""
    names: dict[tuple[str, str], int] = {}
    order: dict[str, int] = {}
    # Of each kind of event: the place of its pair, the place of its monomial, and what a byte counts for.
    places: dict[tuple[str, str], tuple[int, int, float]] = {}
    for rows, category in dict.fromkeys([(rows, category) for rows, _, category in events]):
        if rows != MARK:
            monomial, times = _counted(rows)
            index = names.setdefault((monomial, category), len(names))
            places[rows, category] = index, order.setdefault(monomial, len(order)), times
    segments: list[Segment] = []
    phase, scope, repeats = "forward", "", 1.0
    level, summed = [0.0] * len(names), [0.0] * len(order)
    tops: list[_Level] = []
    rising = False
    for rows, amount, category in events:
        if rows == MARK:
            if rising:
                tops.append((summed[:], level[:]))
            segments.append(Segment(phase, scope, repeats, _sparse(level), _highest(tops, tuple(order))))
            phase, scope, repeats = marks[int(amount)]
            level, summed, tops, rising = [0.0] * len(names), [0.0] * len(order), [], False
            continue
        if amount > 0:
            rising = True
        elif rising and amount < 0:
            tops.append((summed[:], level[:]))
            rising = False
        index, monomial_index, times = places[rows, category]
        amount *= times
        level[index] += amount
        summed[monomial_index] += amount
    if rising:
        tops.append((summed, level[:]))
    segments.append(Segment(phase, scope, repeats, _sparse(level), _highest(tops, tuple(order))))
    final = [0.0] * len(names)
    for segment in segments:
        for index, factor in segment.net:
            final[index] += factor * segment.times
    return Program(tuple(names), tuple(s for s in segments if s.net or s.peaks), _sparse(final))


def _counted(rows: str) -> tuple[str, float]:
    """Rows named `#n` are n rows whatever the lengths."""
    before, sign, count = rows.partition("#")
    return (before + ONE, float(count)) if sign else (rows, 1.0)


_Level = tuple[list[float], list[float]]
"""What is live at a moment: bytes for each monomial, all categories together, and for each pair."""


def _highest(tops: list[_Level], order: tuple[str, ...]) -> tuple[Form, ...]:
    """The levels that are the highest at some lengths."""
    if len(tops) > 1:
        tops.sort(key=lambda item: -sum(item[0]))
    kept: list[_Level] = []
    for top in tops:
        by = top[0]
        if max(by, default=0.0) <= 0:
            continue
        for other, _ in kept:
            for x, y in zip(other, by, strict=True):
                if x < y:
                    break
            else:
                break
        else:
            kept.append(top)
    if len(kept) > 1:
        found: set[int] = set()
        samples = [_samples(name) for name in order]
        for sizes in zip(*samples, strict=True):
            totals = [sum(map(mul, by, sizes)) for by, _ in kept]
            found.add(totals.index(max(totals)))
        kept = [kept[number] for number in sorted(found)]
    return tuple(_sparse(level) for _, level in kept)


# Lengths at which a level must be the highest at least once to be worth keeping: (B, S and N, T); the rank is an eighth of T.
_SAMPLES = tuple((b, s, t) for b in (1.0, 8.0, 64.0) for s in (96.0, 512.0, 2048.0, 16384.0) for t in (64.0, 1024.0))


@cache
def _samples(name: str) -> tuple[float, ...]:
    """The monomial `name` at each sample: B and I are counts of samples, T the decoder's tokens, the other letters lengths like S."""
    values = []
    for b, s, t in _SAMPLES:
        value = 1.0
        for letter in name.partition("^")[0]:
            if letter == RANK:
                value *= t / 8.0
                continue
            value *= b if letter in "BI" else t if letter == "T" else 1.0 if letter == "1" else s
        values.append(value)
    return tuple(values)


def _sparse(level: list[float]) -> Form:
    return tuple([(index, amount) for index, amount in enumerate(level) if not -1e-6 <= amount <= 1e-6])
