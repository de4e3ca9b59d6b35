"""The largest batch, length or rank that still fits, and the fewest cards: bisection over one fact of a specification."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct, field

from advisor.errors import AdvisorError, FactError
from advisor.facts import FactValue, spec_of
from advisor.library import Library
from advisor.plan.outcome import EstimateLike, need_gib
from advisor.vocabulary import VOCABULARY

Estimator = Callable[[Mapping[str, FactValue]], EstimateLike]

# What can be varied: the highest value tried, and whether more of it needs less memory.
VARIABLES: Mapping[str, tuple[int, bool]] = {
    "batch_size": (65536, False),
    "seq_len": (4 * 2**20, False),
    "lora_rank": (8192, False),
    "num_generations": (4096, False),
    "image_tokens": (2**20, False),
    "images_per_sample": (4096, False),
    "num_frames": (65536, False),
    "concurrency": (65536, False),
    "max_model_len": (4 * 2**20, False),
    "gpu_count": (4096, True),
}


class Fit(Struct, frozen=True):
    """The best value of a fact; None where none fits.

    Attributes:
        need_gib: what the card must have with it, for sure.
        given: facts that nobody stated and that were taken for granted, with their values.
    """

    fact: str
    value: int | None
    need_gib: float | None
    given: Mapping[str, FactValue] = field(default_factory=dict)


def best(
    spec: Mapping[str, FactValue],
    fact: str,
    estimate: Estimator,
    capacity_gib: float,
    measure: Callable[[EstimateLike], float] = need_gib,
) -> Fit:
    """The largest value of `fact` with which the specification fits, or the smallest for `gpu_count`.

    It takes the need to grow (for `gpu_count`: to fall) with the value, and looks at about 2 * log2(value) estimates. What the
    specification leaves open is taken for granted as the estimator assumes it: the answer holds under it, so it widens no interval.

    Args:
        measure: what must be within the capacity: the high end (`need_gib`), or the expected figure (`peak_gib`).

    Raises:
        FactError: the fact can't be varied.
        TooLittleKnown: the specification can't be estimated.
    """
    if fact not in VARIABLES:
        known = ", ".join(VARIABLES)
        raise FactError(f"{fact} can't be varied", hint=f"Choose one of {known}.")
    highest, falling = VARIABLES[fact]
    highest = min(highest, int(spec_of(fact).high))

    given = granted(spec, fact, estimate)
    whole = {**given, **spec}

    def need(value: int) -> float:
        return measure(estimate({**whole, fact: value}))

    if falling:
        value = smallest(need, capacity_gib, highest)
        return Fit(fact, value, None if value is None else need(value), given)
    low = largest(need, capacity_gib, highest)
    return Fit(fact, low, need(low or 1), given)


def granted(spec: Mapping[str, FactValue], fact: str, estimate: Estimator) -> dict[str, FactValue]:
    """The facts beside `fact` that the estimator has to assume for the specification."""
    assumed = estimate({**spec, fact: 1}).assumed
    return {name: value for name, value in assumed.items() if name in VOCABULARY and name != fact and name not in spec}


def largest(need: Callable[[int], float], capacity_gib: float, highest: int) -> int | None:
    """The largest of 1 to `highest` whose need is within the capacity, taking the need to grow; None where 1 is too much."""
    if need(1) > capacity_gib:
        return None
    low = 1
    while low < highest and _fits(need, min(highest, low * 2), capacity_gib):
        low = min(highest, low * 2)
    high = min(highest + 1, low * 2)
    while high - low > 1:
        middle = (low + high) // 2
        if _fits(need, middle, capacity_gib):
            low = middle
        else:
            high = middle
    return low


def capacity_of(words: Mapping[str, FactValue], library: Library) -> float | None:
    """Usable GiB of the card that a specification names: as stated, else from the catalogue; None where it names none."""
    from advisor.names import resolve_gpu

    for name in ("gpu_capacity_gib", "gpu_memory_gib"):
        value = words.get(name)
        if isinstance(value, int | float):
            return float(value)
    stated = str(words.get("gpu_name", ""))
    card = resolve_gpu(stated, library) if stated else None
    return card.usable_gib if card is not None else None


def smallest(need: Callable[[int], float], capacity_gib: float, highest: int) -> int | None:
    """The smallest of 1 to `highest` whose need is within the capacity, taking the need to fall; None where no one's is."""
    count = 1
    while count <= highest:
        if _fits(need, count, capacity_gib):
            low = count // 2
            while count - low > 1:
                middle = (low + count) // 2
                if _fits(need, middle, capacity_gib):
                    count = middle
                else:
                    low = middle
            return count
        count *= 2
    return None


def _fits(need: Callable[[int], float], value: int, capacity_gib: float) -> bool:
    try:
        return need(value) <= capacity_gib
    except AdvisorError:
        return False


def sweep(
    spec: Mapping[str, FactValue], fact: str, estimate: Estimator, capacity_gib: float | None, count: int = 33
) -> list[int]:
    """Values of `fact` for a curve: evenly from the smallest to half as much again as fits, at least to twice the stated one.

    Without a capacity, to four times the stated value.

    Raises:
        FactError: the fact can't be varied.
        TooLittleKnown: the specification can't be estimated.
    """
    stated = spec.get(fact)
    own = int(stated) if isinstance(stated, int | float) and stated else 2048 if fact == "seq_len" else 1
    fits = best(spec, fact, estimate, capacity_gib).value if capacity_gib else None
    highest = max(3 * fits // 2, 2 * own) if fits else (2 if capacity_gib else 4) * own
    highest = min(max(highest, 8), VARIABLES[fact][0], int(spec_of(fact).high))
    first = 1 if highest <= 4 * count else max(1, highest // (count - 1))
    return sorted({first + (highest - first) * index // (count - 1) for index in range(count)})


def table(
    spec: Mapping[str, FactValue],
    fact: str,
    over: str,
    values: list[FactValue],
    estimate: Estimator,
    capacity_gib: float,
) -> list[tuple[FactValue, Fit]]:
    """The best value of `fact` for each value of another fact."""
    return [(value, best({**spec, over: value}, fact, estimate, capacity_gib)) for value in values]
