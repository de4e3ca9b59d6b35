"""Plans of random runs by the real estimator: what says that it fits does, and what is proven to be cheapest is."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from advisor.diagnosis import Case, examine
from advisor.library import load_library
from advisor.plan import need_gib
from advisor.plan.search import Option, Search, Searched, conflict

LIBRARY = load_library()
MODELS = ("Qwen2.5-7B", "Llama-3.1-8B", "Qwen2.5-1.5B", "Mistral-7B-v0.3", "Qwen2-VL-7B")
CARDS = ("RTX 3090", "RTX 4090", "A100-40GB", "A100-80GB", "V100-32GB")
RUNS = 12


def _case(source: random.Random) -> Case:
    stated: dict[str, Any] = {
        "failure_kind": "vram_oom", "task": "train", "model": source.choice(MODELS), "gpu_name": source.choice(CARDS),
        "method": source.choice(["full", "lora", "qlora"]), "batch_size": source.choice([1, 2, 4, 8]),
        "seq_len": source.choice([512, 1024, 2048, 4096]), "gpu_count": source.choice([1, 1, 2, 4]),
    }  # fmt: skip
    if source.random() < 0.5:
        stated["framework"] = source.choice(["transformers", "trl", "llama-factory", "axolotl"])
    return examine("CUDA out of memory.", stated=stated, library=LIBRARY)


def test_every_plan_that_says_it_fits_does() -> None:
    source = random.Random(17)
    fitting = 0
    for _ in range(RUNS):
        case = _case(source)
        for plan in case.outcome.plans:
            if plan.fits:
                fitting += 1
                assert case.capacity_gib is not None
                assert need_gib(case.estimated(plan.spec)) <= case.capacity_gib
    assert fitting >= RUNS // 2


def test_nothing_cheaper_fits_than_a_plan_that_is_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every choice that costs less is tried, in the order of remedies and without any bound on what it saves."""
    searches: list[tuple[Search, list[Option], Searched]] = []
    run = Search.run

    def kept(self: Search, name: str, options: Sequence[Option]) -> Searched:
        found = run(self, name, options)
        if name == "cheapest":
            searches.append((self, list(options), found))
        return found

    monkeypatch.setattr(Search, "run", kept)
    source, compared = random.Random(23), 0
    for _ in range(RUNS):
        searches.clear()
        _case(source)
        for search, options, found in searches:
            if found.plan is not None and found.plan.fits and found.plan.proven:
                compared += 1
                cheaper = _cheaper(search, sorted(options, key=lambda option: option.cost), found.plan.cost)
                assert cheaper is None, [option.remedy.id for option in cheaper if option.remedy is not None]
    assert compared >= RUNS // 3


def _cheaper(search: Search, options: Sequence[Option], cost: float) -> list[Option] | None:
    pending: list[tuple[int, list[Option], float]] = [(0, [], 0.0)]
    while pending:
        first, chosen, total = pending.pop()
        for index in range(first, len(options)):
            option = options[index]
            if total + option.cost >= cost - 1e-9:
                break
            if option.remedy is None or any(
                other.remedy is not None and (other.remedy is option.remedy or conflict(option.remedy, other.remedy))
                for other in chosen
            ):
                continue
            more = [*chosen, option]
            if search._need(more) <= search._capacity:
                return more
            pending.append((index + 1, more, total + option.cost))
    return None
