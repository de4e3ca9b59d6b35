"""The rows of knowledge/gpus: enough of them, whole, with sources, and no spelling that leads to two cards."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
import yaml

from advisor.library import load_library
from advisor.names.keys import key_of
from advisor.resources import data_folder

FILES = sorted((data_folder("knowledge") / "gpus").glob("*.yaml"))
ROWS = [(path, row) for path in FILES for row in yaml.safe_load(path.read_text(encoding="utf-8"))["gpus"]]
CHINESE_AND_EXPORT = ("A800-80GB", "H800", "H20", "RTX 4090 D", "Ascend 910B")


def test_there_are_enough() -> None:
    assert len(load_library().gpus) >= 150
    assert len(ROWS) == len({row["name"] for _, row in ROWS})


@pytest.mark.parametrize(("path", "row"), ROWS, ids=[row["name"] for _, row in ROWS])
def test_row_is_whole(path: Any, row: dict[str, Any]) -> None:
    sources = yaml.safe_load(path.read_text(encoding="utf-8"))["sources"]
    assert row["source"] in sources
    assert row["usable_source"] in sources, "say where the usable size is from: a source of the file, runtime, or rule"
    assert all(url.startswith("https://") for url in sources.values())
    assert 0.5 * row["memory_gb"] <= row["usable_gib"] <= row["memory_gb"] * 1.001, (
        "usable memory must be near the nominal"
    )
    assert 2010 <= row["year"] <= 2030
    assert row["arch"]


def test_a_spelling_leads_to_one_card() -> None:
    owners: dict[str, set[str]] = defaultdict(set)
    for _, row in ROWS:
        for spelling in (row["name"], *row["aliases"]):
            assert key_of(spelling), f"{row['name']}: {spelling!r} has no letters or digits"
            owners[key_of(spelling)].add(row["name"])
    assert {key: names for key, names in owners.items() if len(names) > 1} == {}


def test_cards_with_several_sizes_differ_in_size() -> None:
    sizes: dict[str, list[float]] = defaultdict(list)
    for _, row in ROWS:
        if "card" in row:
            sizes[row["card"]].append(row["memory_gb"])
    for card, of_card in sizes.items():
        assert len(of_card) == len(set(of_card)), card


@pytest.mark.parametrize(
    ("name", "gib"),
    [("RTX 4090", 23.64), ("RTX 3090", 23.69), ("A100-80GB", 79.15), ("A100-40GB", 39.39), ("H100-80GB", 79.11), ("V100-16GB", 15.77),
     ("T4", 14.74), ("RTX A6000", 47.54), ("H200", 139.8), ("MI300X", 191.98), ("GTX 1080 Ti", 10.91), ("Ascend 910B", 60.97)],
)  # fmt: skip
def test_usable_memory_is_what_runtimes_report(name: str, gib: float) -> None:
    """Totals that out-of-memory messages of these cards print."""
    assert load_library().gpus[name].usable_gib == pytest.approx(gib, abs=0.1)


def test_export_variants_are_known() -> None:
    assert set(CHINESE_AND_EXPORT) <= set(load_library().gpus)
