"""The normal form of names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.names.keys import key_of, keys_from, known_pieces, lower_of, pieces_of


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("RTX 4090", "rtx4090"),
        ("rtx-4090", "rtx4090"),
        ("A100_80GB", "a100-80gb"),
        ("A100 80 GB", "a100-80gb"),
        ("Qwen2_5-VL-7B", "qwen2.5vl7b"),
        ("Qwen2-57B", "qwen2-57b"),
        ("Qwen2.5-7B", "qwen2.5-7b"),
        ("qwen-1_8b", "qwen1.8b"),
        ("Arc(TM) A770", "arca770"),
        ("千问7B", "千问7b"),
        ("", ""),
        ("--", ""),
    ],
)
def test_keys(name: str, key: str) -> None:
    assert key_of(name) == key


@given(st.text(alphabet="aZ5_.- (tm)®2千", max_size=30))
def test_the_fast_reading_of_known_names_is_the_same(name: str) -> None:
    assert known_pieces(name) == pieces_of(name)


@given(st.text(max_size=60))
def test_lower_keeps_offsets(text: str) -> None:
    assert len(lower_of(text)) == len(text)


def test_reading_stops_where_no_known_name_goes_on() -> None:
    known = {"rtx", "rtx4090"}
    assert list(keys_from("rtx 4090 ti", 0, known)) == [("rtx", 3), ("rtx4090", 8)]
    assert list(keys_from("rtx\n4090", 0, known)) == [("rtx", 3)]
