"""The smallest card, or number of cards, on which a run fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from advisor.facts import FactValue
from advisor.library import Library
from advisor.plan.edit import apply
from advisor.plan.memory import assumed_sizes
from advisor.plan.meter import Meter
from advisor.plan.outcome import Hardware, Spec, need_gib, peak_gib
from advisor.records import Remedy

COUNTS = (2, 4, 8, 16, 32)  # beyond that another program is the better answer
MARGIN = 1.1
_SHARDING = {"train": ("zero3", "fsdp"), "inference": ("tensor_parallel",)}


def usual_cards(library: Library) -> list[tuple[str, float]]:
    """The cards that `ranking.yaml` recommends, by name and usable GiB, the smallest first; cards that are not known are left out."""
    names = (library.settings.get("ranking") or {}).get("cards") or []
    found = [(name, library.gpus[name].usable_gib) for name in names if name in library.gpus]
    return sorted(found, key=lambda item: item[1])


def smallest_card(need_gib: float, cards: Sequence[tuple[str, float]]) -> tuple[str, float] | None:
    """The smallest of `cards` (name, usable GiB) that has `need_gib`; None when none has."""
    return next(((name, gib) for name, gib in cards if gib >= need_gib), None)


def smallest_hardware(
    meter: Meter,
    spec: Spec,
    steps: Sequence[str],
    capacity_gib: float | None,
    cards: Sequence[tuple[str, float]],
    remedies: Mapping[str, Remedy],
) -> list[Hardware]:
    """The smallest single card for `spec`, and how many cards of the present size share it by sharding.

    Args:
        steps: ids of the remedies that `spec` already holds, to be named in the answer.
        capacity_gib: the present card; without it only the single card is looked for.
        cards: (name, usable GiB), the smallest first.
    """
    answers = []
    need = _need(meter, spec)
    card = smallest_card(need, cards)
    if card is not None:
        answers.append(Hardware(card[0], card[1], _count(spec), need, tuple(steps)))
    if capacity_gib is None or need <= capacity_gib:
        return answers
    for name in _SHARDING["inference" if spec.get("task") == "inference" else "train"]:
        remedy = remedies.get(name)
        if remedy is None:
            continue
        for count in COUNTS:
            if count <= _count(spec):
                continue
            trial: dict[str, FactValue] = {**spec, "gpu_count": count}
            for edit in remedy.edit[:1]:
                trial = apply(edit, trial)
            if name == "tensor_parallel":
                trial["parallelism"] = f"tp{count}"
            wanted = _need(meter, trial)
            if wanted <= capacity_gib:
                same = str(
                    spec.get("gpu_name") or next((title for title, gib in cards if abs(gib - capacity_gib) < 0.5), "")
                )
                answers.append(Hardware(same, capacity_gib, count, wanted, tuple(steps), name))
                return answers
    return answers


def _need(meter: Meter, spec: Spec) -> float:
    """What the card must have. Where sizes had to be assumed the answer is for those sizes, not for all that they might be."""
    found = meter.try_(spec)
    if found is None:
        return float("inf")
    need = need_gib(found)
    return min(need, MARGIN * peak_gib(found)) if assumed_sizes(found) else need


def _count(spec: Spec) -> int:
    count = spec.get("gpu_count", 1)
    return count if isinstance(count, int) and not isinstance(count, bool) else 1
