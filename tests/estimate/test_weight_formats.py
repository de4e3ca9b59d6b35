"""Weights in their formats, against sums by hand."""

import pytest

from advisor.estimate.weight_formats import WeightFormat, find_format, formats_of, stored_weights
from advisor.library import load_library

KNOWN = formats_of(load_library().settings)


@pytest.mark.parametrize(
    ("written", "name"),
    [("nf4", "nf4"), ("4bit", "nf4"), ("NF4-DQ", "nf4-dq"), ("gptq-int4", "gptq4"), ("GPTQ-4bit-128g", "gptq4"), ("awq", "awq4"),
     ("8bit", "int8"), ("Q4_K_M", "q4_k_m"), ("q4_k_m.gguf", "q4_k_m"), ("fp8-torchao", "fp8"), ("mxfp4", "mxfp4")],
)  # fmt: skip
def test_a_format_is_known_by_its_spellings(written: str, name: str) -> None:
    found = find_format(written, KNOWN)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("written", ["none", "", "no", "zebra"])
def test_no_format(written: str) -> None:
    assert find_format(written, KNOWN) is None


def test_bytes_of_a_weight() -> None:
    assert KNOWN["nf4"].bytes_per_weight == 0.5 + 4 / 64
    assert KNOWN["gptq4"].bytes_per_weight == 0.5 + 2.5 / 128
    assert KNOWN["mxfp4"].bytes_per_weight == 0.5 + 1 / 32
    assert KNOWN["q80"].bytes_per_weight == pytest.approx(1.0626)


def test_embeddings_and_head_stay_plain_where_only_linear_layers_are_covered() -> None:
    stored = stored_weights(1000, 100, 50, 2.0, WeightFormat("x", 4, 64, 4, "linear", True), largest_linear=200)
    assert stored.quantised == 1000 * (0.5 + 4 / 64)
    assert stored.plain == 2.0 * 150
    assert stored.loading == 2 * 2.0 * 200
    whole = stored_weights(1000, 100, 50, 2.0, WeightFormat("y", 5, covers="all"))
    assert whole.total == 1150 * 5 / 8


def test_plain_weights_are_bytes_times_count() -> None:
    assert stored_weights(10, 5, 1, 4.0, None).total == 64
