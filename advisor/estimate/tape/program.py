"""A recording folded into linear forms: evaluated for any batch and length in microseconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from advisor.estimate.tape.tensor import MARK, ONE, Event

# A form: coefficients over the program's (monomial, category) pairs, sparse, as parallel tuples.
Form = tuple[tuple[int, ...], tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Segment:
    """Events between two marks. `net` is what they leave behind; `peaks` the levels that can be the highest on the way."""

    phase: str
    scope: str
    times: float
    net: Form
    peaks: tuple[Form, ...]


@dataclass(frozen=True, slots=True)
class Peak:
    """The highest level of a phase in bytes, and what it is made of by category."""

    total: float
    parts: Mapping[str, float]
    scope: str


@dataclass(frozen=True, slots=True)
class Program:
    """The segments of a step in order, and the (monomial, category) pairs that the forms index."""

    pairs: tuple[tuple[str, str], ...]
    segments: tuple[Segment, ...]

    def run(
        self, monomials: Mapping[str, float], shares: Mapping[str, float] | None = None
    ) -> tuple[dict[str, Peak], dict[str, dict[str, float]]]:
        """The peak of each phase, and what is live when each phase ends by category, in bytes.

        Args:
            monomials: the value of each monomial, such as {"1": 1, "BS": 4096}.
            shares: factors per category (what one device keeps of it).
        """
        values = [monomials[rows] * (shares.get(category, 1.0) if shares else 1.0) for rows, category in self.pairs]
        best: dict[str, tuple[float, int, int, bool]] = {}
        base, bases = 0.0, []
        for place, segment in enumerate(self.segments):
            bases.append(base)
            net = 0.0
            for index, factor in zip(*segment.net, strict=True):
                net += values[index] * factor
            high, which = 0.0, -1
            for number, (indices, factors) in enumerate(segment.peaks):
                level = 0.0
                for index, factor in zip(indices, factors, strict=True):
                    level += values[index] * factor
                if level > high:
                    high, which = level, number
            late = segment.times > 1 and net > 0
            top = base + high + (net * (segment.times - 1) if late else 0.0)
            known = best.get(segment.phase)
            if known is None or top > known[0]:
                best[segment.phase] = (top, place, which, late)
            base += net * segment.times
        return self._tell(values, best), self._ends(values)

    def _tell(self, values: list[float], best: Mapping[str, tuple[float, int, int, bool]]) -> dict[str, Peak]:
        told: dict[str, Peak] = {}
        live = [0.0] * len(values)
        wanted = {place: (phase, total, which, late) for phase, (total, place, which, late) in best.items()}
        for place, segment in enumerate(self.segments):
            if place in wanted:
                phase, total, which, late = wanted[place]
                at = list(live)
                if late:
                    for index, factor in zip(*segment.net, strict=True):
                        at[index] += factor * (segment.times - 1)
                if which >= 0:
                    for index, factor in zip(*segment.peaks[which], strict=True):
                        at[index] += factor
                told[phase] = Peak(total, self._by_category(at, values), segment.scope)
            for index, factor in zip(*segment.net, strict=True):
                live[index] += factor * segment.times
        return told

    def _ends(self, values: list[float]) -> dict[str, dict[str, float]]:
        live, ends = [0.0] * len(values), {}
        for segment in self.segments:
            for index, factor in zip(*segment.net, strict=True):
                live[index] += factor * segment.times
            ends[segment.phase] = list(live)
        return {phase: self._by_category(at, values) for phase, at in ends.items()}

    def _by_category(self, at: list[float], values: list[float]) -> dict[str, float]:
        parts: dict[str, float] = {}
        for (_, category), factor, value in zip(self.pairs, at, values, strict=True):
            if factor:
                parts[category] = parts.get(category, 0.0) + factor * value
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
    kept = tuple(s for s in segments if s.net[0] or s.peaks)
    return Program(tuple(names), kept)


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
    return Segment(phase, scope, times, _sparse(level), tuple(_sparse(top) for _, top in kept))


def _sparse(level: list[float]) -> Form:
    pairs = [(index, amount) for index, amount in enumerate(level) if abs(amount) > 1e-9]
    return tuple(index for index, _ in pairs), tuple(amount for _, amount in pairs)
