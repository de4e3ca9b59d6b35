"""Cards in text: spellings, sizes beside the name, and words that are not cards."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.library import Library, load_library
from advisor.names import find_gpus, resolve_gpu, sized_gpu, suggest_gpus

LIBRARY: Library = load_library()
SPELLINGS = [(spelling, row.name) for row in LIBRARY.gpus.values() for spelling in (row.name, *row.aliases)]


def names(text: str) -> list[str]:
    return [found.name for found in find_gpus(text, LIBRARY)]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("rtx4090", "RTX 4090"),
        ("NVIDIA GeForce RTX 3090", "RTX 3090"),
        ("3080ti out of memory", "RTX 3080 Ti"),
        ("RTX-2080-Ti", "RTX 2080 Ti"),
        ("rtx_3070", "RTX 3070"),
        ("A100-SXM4-80GB", "A100-80GB"),
        ("a100 80g", "A100-80GB"),
        ("A100 40G*4", "A100-40GB"),
        ("NVIDIA A100 80GB PCIe", "A100-80GB"),
        ("A100 PCIe 40 GB", "A100-40GB"),
        ("4 x A100 (40G)", "A100-40GB"),
        ("two H800 nodes", "H800"),
        ("NVIDIA H100 80GB HBM3", "H100-80GB"),
        ("H100 NVL", "H100-94GB"),
        ("8xH100", "H100"),
        ("an A100 node", "A100"),
        ("Tesla V100-SXM2-32GB", "V100-32GB"),
        ("a 16GB V100", "V100-16GB"),
        ("单张32G V100", "V100-32GB"),
        ("8 V100s, each with 32GB", "V100-32GB"),
        ("2080ti 22G", "RTX 2080 Ti-22GB"),
        ("RTX 3080 12GB", "RTX 3080-12GB"),
        ("4060 Ti 16G", "RTX 4060 Ti-16GB"),
        ("4090D", "RTX 4090 D"),
        ("RTX 6000 Ada Generation", "RTX 6000 Ada"),
        ("Quadro RTX 6000", "Quadro RTX 6000"),
        ("RTX PRO 6000 Blackwell Server Edition", "RTX PRO 6000 Blackwell"),
        ("RTX A6000", "RTX A6000"),
        ("A6000", "RTX A6000"),
        ("RTX 6000 with 48 GB", "RTX 6000 Ada"),
        ("an RTX 6000", "RTX 6000"),
        ("NVIDIA GeForce RTX 3060 Laptop GPU", "RTX 3060 Laptop"),
        ("GTX 1080 Ti", "GTX 1080 Ti"),
        ("TITAN X (Pascal)", "TITAN X Pascal"),
        ("Tesla P40", "Tesla P40"),
        ("Tesla T4", "T4"),
        ("a T4 on Colab", "T4"),
        ("T4 x2", "T4"),
        ("NVIDIA L4", "L4"),
        ("4 L40S cards", "L40S"),
        ("AMD Radeon RX 7900 XTX", "RX 7900 XTX"),
        ("AMD Instinct MI250X", "MI250X"),
        ("Intel(R) Arc(TM) A770 Graphics", "Arc A770"),
        ("Gaudi2", "Gaudi 2"),
        ("昇腾910B", "Ascend 910B"),
        ("Ascend910B4", "Ascend 910B4"),
        ("TPU v3-8", "TPU v3"),
        ("Apple M2 Max", "Apple M2 Max"),
        ("MacBook Pro M1 Max 64GB", "Apple M1 Max-64GB"),
        ("my macbook m2", "Apple M2"),
        ("DGX Spark", "GB10"),
        ("RTX 3090s", "RTX 3090"),
        ("four 4090s", "RTX 4090"),
        ("两块3090GPU", "RTX 3090"),
        ("A800 80G", "A800-80GB"),
        ("H20", "H20"),
    ],
)
def test_a_card_is_found(text: str, name: str) -> None:
    assert names(text) == [name]


@pytest.mark.parametrize(
    "text",
    [
        "8×3090 集群",
        "8x3090",
        "两张4090",
        "4090显卡",
        "single 3090",
        "on a 3090",
        "trained on 3090",
        "用3090训练",
        "4090 24G",
        "3090*2",
        "GPU: 3090",
        "a 24 GB 3090",
    ],
)
def test_a_bare_number_is_a_card_where_one_is_meant(text: str) -> None:
    assert len(names(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "step 3090",
        "port 4090",
        "epoch 2080/3090",
        "loss 0.3090",
        "$3090",
        "listening on port 3090",
        "3090ms",
        "id=4090,",
        "iteration 4060 of 4090",
        "1920x1080",
        "4096x2160",
        "an L2 norm",
        "the P4 language",
        "layer t4",
        "RTX 4095",
        "RTX 40900",
        "A1000000",
        "milestone M1",
        "issue #3090",
        "v100x",
        "3090%",
        "batch 3070, 3080, 3090",
        "https://host:4090/x",
        "A100B",
        "H1000",
    ],
)
def test_what_is_no_card_is_not_found(text: str) -> None:
    assert names(text) == []


def test_sizes_are_certain_only_when_told() -> None:
    told, untold, single = (find_gpus(text, LIBRARY)[0] for text in ("A100 40GB", "A100", "RTX 3090"))
    assert (told.sized, untold.sized, single.sized) == (True, False, True)
    assert untold.row.card == "A100"


def test_a_measured_capacity_tells_the_size() -> None:
    for name, capacity, row in [
        ("A100", 39.39, "A100-40GB"),
        ("V100", 31.74, "V100-32GB"),
        ("RTX 6000", 44.4, "RTX 6000 Ada"),
    ]:
        sized = sized_gpu(name, capacity, LIBRARY)
        assert sized is not None
        assert sized.name == row
    assert sized_gpu("A100", 15.8, LIBRARY) is None
    assert sized_gpu("RTX 4095", 24, LIBRARY) is None


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("NVIDIA A100-SXM4-40GB", "A100-40GB"),
        ("A100", "A100-80GB"),
        ("4090", "RTX 4090"),
        ("T4", "T4"),
        ("Tesla P40", "Tesla P40"),
        ("m4 max 128gb", "Apple M4 Max-128GB"),
        ("RTX 4095", None),
        ("GeForce", None),
        ("", None),
        ("GB2000", None),
    ],
)
def test_one_name_is_resolved_and_never_guessed(name: str, row: str | None) -> None:
    found = resolve_gpu(name, LIBRARY)
    assert (found.name if found else None) == row


def test_suggestions_keep_the_numbers() -> None:
    assert suggest_gpus("RTX 4090 Tie", LIBRARY)[0] == "RTX 4090"
    assert "RTX 3060 Laptop" in suggest_gpus("3060 laptp", LIBRARY)
    assert suggest_gpus("@@@", LIBRARY) == []


@pytest.mark.parametrize(("spelling", "name"), SPELLINGS, ids=[spelling for spelling, _ in SPELLINGS])
def test_every_spelling_is_found_in_a_sentence(spelling: str, name: str) -> None:
    found = find_gpus(f"it ran on a {spelling} GPU", LIBRARY)
    assert found
    assert name in {found[0].row.name, found[0].name}
    resolved = resolve_gpu(spelling.upper(), LIBRARY)
    assert resolved is not None
    assert resolved.name == name


@given(st.text(max_size=400))
def test_any_text_is_read_and_places_are_true(text: str) -> None:
    for found in find_gpus(text, LIBRARY):
        assert 0 <= found.start < found.end <= len(text)


@given(before=st.text(max_size=40), row=st.sampled_from(list(LIBRARY.gpus.values())), after=st.text(max_size=40))
def test_a_card_on_a_line_of_its_own_is_found_whatever_stands_around(before: str, row: object, after: str) -> None:
    name = getattr(row, "name")  # noqa: B009
    text = f"{before}\nGPU: {name}\n{after}"
    assert any(
        text[found.start : found.end].lower() in name.lower() and name in {found.row.name, found.name}
        for found in find_gpus(text, LIBRARY)
    )
