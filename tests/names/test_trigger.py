"""The two ways in which names are looked for find the same ones."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from advisor.library import load_library
from advisor.names import gpus, keys, models
from advisor.names.gpus import find_gpus
from advisor.names.models import find_models

LIBRARY = load_library()
TEXT = """a 8x 2 x rtx geforce RTX-4090 4090 3090ti a100 80gb A100-SXM4-80GB 750 ti h100 t4 gtx1080 Qwen2.5-7B qwen 7b
llama 3 8b Llama-3-8B-Instruct meta-llama/ / _ - gpt2 gpt 2 phi3 sdxl the t5 large model .py flan-t5-xl 昇腾 910B 显卡 ,"""
WORDS = st.sampled_from(TEXT.split())


@given(st.lists(st.tuples(WORDS, st.sampled_from(["", " ", "-", "_", "  "])), max_size=12))
def test_walking_and_searching_find_the_same_names(parts: list[tuple[str, str]]) -> None:
    text = "".join(word + gap for word, gap in parts)
    walked = find_gpus(text, LIBRARY), find_models(text, LIBRARY)
    kept, keys._WALKED = keys._WALKED, 0
    try:
        assert (find_gpus(text, LIBRARY), find_models(text, LIBRARY)) == walked
    finally:
        keys._WALKED = kept
    assert gpus._index(LIBRARY).trigger
    assert models._index(LIBRARY).trigger
