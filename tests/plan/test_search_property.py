"""The search against every combination, on random remedies that share facts and exclude each other."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.plan.edit import apply
from advisor.plan.meter import Meter
from advisor.plan.outcome import need_gib
from advisor.plan.search import Option, Search, conflict
from advisor.records import Edit

from .conftest import Toy, toy_remedy

FACTS = ("a", "b", "c", "d", "e")
remedy_rows = st.lists(
    st.tuples(
        st.lists(st.sampled_from(FACTS), min_size=1, max_size=2, unique=True),
        st.integers(1, 3),
        st.integers(1, 20),
        st.sets(st.integers(0, 6), max_size=2),
    ),
    min_size=1,
    max_size=7,
)


@settings(max_examples=150, deadline=None)
@given(rows=remedy_rows, gains=st.lists(st.integers(0, 9), min_size=5, max_size=5), capacity=st.integers(20, 100))
def test_the_first_that_fits_is_the_cheapest(
    rows: list[tuple[list[str], int, int, set[int]]], gains: list[int], capacity: int
) -> None:
    """Each fact saves its gain times its level, so a further change never raises the need, as the search assumes."""

    def estimate(spec: Mapping[str, Any]) -> Toy:
        total = 100.0 - sum(gain * spec.get(name, 0) for name, gain in zip(FACTS, gains, strict=True))
        return Toy(total, total, total, total, total)

    options: list[Option] = []
    by_remedy: list[list[Option]] = []
    for index, (facts, levels, cost, excluded) in enumerate(rows):
        edits = [Edit(set=dict.fromkeys(facts, level + 1)) for level in range(levels)]
        remedy = toy_remedy(f"r{index}", *edits, excludes=[f"r{other}" for other in excluded if other != index])
        group = [Option(cost / 10 + level / 20, remedy, edit) for level, edit in enumerate(edits)]
        by_remedy.append(group)
        options += group
    best = float("inf")
    for choice in itertools.product(*[[None, *group] for group in by_remedy]):
        chosen = [option for option in choice if option is not None]
        pairs = itertools.combinations(chosen, 2)
        if any(one.remedy and other.remedy and conflict(one.remedy, other.remedy) for one, other in pairs):
            continue
        spec: dict[str, Any] = {}
        for option in chosen:
            assert option.edit is not None
            spec = apply(option.edit, spec)
        if need_gib(estimate(spec)) <= capacity:
            best = min(best, sum(option.cost for option in chosen))
    plan = Search(Meter(estimate), {}, {}, float(capacity), 5000).run("cheapest", options).plan
    assert plan is not None
    if plan.fits:
        assert best < float("inf")
        assert plan.cost >= best - 1e-9
        if plan.proven:
            assert abs(plan.cost - best) < 1e-9
    else:
        assert best == float("inf")
