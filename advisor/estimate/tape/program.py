"""A recording folded into linear forms: evaluated for any batch and length in microseconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from advisor.estimate.tape.tensor import MARK, ONE, Event

# A form: (index of a (monomial, category) pair, coefficient), sparse.
Form = tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Segment:
    """Events between two marks. `net` is what they leave behind; `peaks` the levels that can be the highest on the way."""

    phase: str
    scope: str
    times: float
    net: Form
    peaks: tuple[Form, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a phase is highest: the bytes, the segment, its level, and whether it is the last of the repeats."""

    total: float
    segment: int
    level: int
    last: bool


@dataclass(frozen=True, slots=True)
class Program:
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
    events = [_constant(event) for event in events]
    pairs: dict[tuple[str, str], int] = {}
    for rows, _, category in events:
        if rows != MARK and (rows, category) not in pairs:
            pairs[(rows, category)] = len(pairs)
    names = list(pairs)
    # Categories of one monomial count together when levels are compared.
    monomial_of = [rows for rows, _ in names]
    segments: list[Segment] = []
    phase, scope, times = "forward", "", 1.0
    level = [0.0] * len(names)
    tops: list[list[float]] = []
    rising = False
    for rows, amount, category in events:
        if rows == MARK:
            if rising:
                tops.append(list(level))
            segments.append(_segment(phase, scope, times, level, tops, monomial_of))
            phase, scope, times = marks[int(amount)]
            level, tops, rising = [0.0] * len(names), [], False
            continue
        if amount < 0 and rising:
            tops.append(list(level))
            rising = False
        elif amount > 0:
            rising = True
        level[pairs[(rows, category)]] += amount
    if rising:
        tops.append(list(level))
    segments.append(_segment(phase, scope, times, level, tops, monomial_of))
    final = [0.0] * len(names)
    for segment in segments:
        for index, factor in segment.net:
            final[index] += factor * segment.times
    return Program(tuple(names), tuple(s for s in segments if s.net or s.peaks), _sparse(final))


def _constant(event: Event) -> Event:
    """Rows named `#n` are n rows whatever the lengths."""
    rows, amount, category = event
    return (ONE, amount * float(rows[1:]), category) if rows.startswith("#") else event


def _segment(
    phase: str, scope: str, times: float, level: list[float], tops: list[list[float]], monomial_of: list[str]
) -> Segment:
    order = sorted(set(monomial_of))
    place = {name: number for number, name in enumerate(order)}
    summed: list[tuple[list[float], list[float]]] = []
    for top in tops:
        by = [0.0] * len(order)
        for name, amount in zip(monomial_of, top, strict=True):
            by[place[name]] += amount
        if any(amount > 0 for amount in by):
            summed.append((by, top))
    summed.sort(key=lambda item: -sum(item[0]))
    kept: list[tuple[list[float], list[float]]] = []
    for by, top in summed:
        if not any(all(x >= y for x, y in zip(other, by, strict=True)) for other, _ in kept):
            kept.append((by, top))
    winners = _winners([by for by, _ in kept], order)
    return Segment(phase, scope, times, _sparse(level), tuple(_sparse(kept[number][1]) for number in winners))


# Lengths at which a level must be the highest at least once to be worth keeping: (B, S and N, T).
_SAMPLES = tuple((b, s, t) for b in (1.0, 8.0, 64.0) for s in (96.0, 512.0, 2048.0, 16384.0) for t in (64.0, 1024.0))


def _sample(name: str, b: float, s: float, t: float) -> float:
    """The monomial `name` at a sample: B and I are counts of samples, T the decoder's tokens, the other letters lengths like S."""
    value = 1.0
    for letter in name.partition("^")[0]:
        value *= b if letter in "BI" else t if letter == "T" else 1.0 if letter == "1" else s
    return value


def _winners(levels: list[list[float]], order: list[str]) -> list[int]:
    if len(levels) <= 1:
        return list(range(len(levels)))
    found: set[int] = set()
    for b, s, t in _SAMPLES:
        sizes = [_sample(name, b, s, t) for name in order]
        totals = [sum([x * y for x, y in zip(level, sizes, strict=True)]) for level in levels]
        found.add(totals.index(max(totals)))
    return sorted(found)


def _sparse(level: list[float]) -> Form:
    return tuple((index, amount) for index, amount in enumerate(level) if abs(amount) > 1e-6)
