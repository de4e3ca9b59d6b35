"""Models by the names of the configurations that XTuner ships."""

from __future__ import annotations

import pytest

from advisor.library import Library, load_library
from advisor.readers.document import Document
from advisor.readers.runs.config_names import read


@pytest.fixture(scope="module")
def library() -> Library:
    return load_library()


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("llava_v15_13b_finetune", "llava-1.5-13b"),
        ("llava_vicuna_7b_v15_qlora_clip_vit_large_p14_336_lora_e1_gpu8_finetune", "llava-1.5-7b"),
        ("llava_internlm2_chat_20b_full_clip_vit_large_p14_336_lora_e1_gpu8_finetune", "llava-internlm2-chat-20b"),
        ("work/configs/internlm2_chat_7b_qlora_oasst1_e3.py", "internlm2-chat-7b"),
        ("qwen1_5_14b_chat_qlora_alpaca_e3", "qwen1.5-14b-chat"),
        ("qwen1_5_0_5b_chat_qlora_alpaca_e3", "qwen1.5-0.5b-chat"),
        ("deepseek_coder_6_7b_instruct_qlora_code_alpaca_e3", "deepseek-coder-6.7b-instruct"),
        ("my_config.py", None),
        ("llama_of_mine", None),
    ],
)
def test_models(name: str, model: str | None, library: Library) -> None:
    found = {item.fact: item.value for item in read(Document.of(f"xtuner train {name} --work-dir out"), library)}
    assert found.get("model") == model
    assert ("params_b" in found) == (model is not None)
