"""Models in text: spellings, what stays unknown, and words that are not models."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.library import Library, load_library
from advisor.names import find_models, params_from_name, resolve_model, suggest_models
from advisor.names.models import spellings

LIBRARY: Library = load_library()


@pytest.mark.parametrize(
    ("text", "written", "row"),
    [
        ("Qwen2.5-VL-7B-Instruct", "Qwen2.5-VL-7B-Instruct", "Qwen2.5-VL-7B"),
        ("--model_name_or_path meta-llama/Llama-3.1-8B --bf16", "meta-llama/Llama-3.1-8B", "Llama-3.1-8B"),
        ("load /data/models/qwen2.5-7b now", "qwen2.5-7b", "Qwen2.5-7B"),
        ("fine-tune llama3 8b", "llama3 8b", "Llama-3-8B"),
        ("Meta-Llama-3-8B-Instruct", "Meta-Llama-3-8B-Instruct", "Llama-3-8B"),
        ("千问7b微调", "千问7b", "Qwen-7B"),
        ("通义千问-14b", "通义千问-14b", "Qwen-14B"),
        ("models--meta-llama--Llama-2-7b-hf/snapshots", "meta-llama/Llama-2-7b-hf", "Llama-2-7B"),
        ("Qwen2_5-VL-3B", "Qwen2_5-VL-3B", "Qwen2.5-VL-3B"),
        ("Qwen/Qwen-1_8B-Chat", "Qwen/Qwen-1_8B-Chat", "Qwen-1.8B"),
        ("deepseek-r1:32b", "deepseek-r1:32b", "DeepSeek-R1-Distill-Qwen-32B"),
        ("llama-2-7b.Q4_K_M.gguf", "llama-2-7b", "Llama-2-7B"),
        ("TheBloke/Mistral-7B-Instruct-v0.2-GPTQ", "TheBloke/Mistral-7B-Instruct-v0.2-GPTQ", "Mistral-7B-v0.1"),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", "mistralai/Mixtral-8x7B-Instruct-v0.1", "Mixtral-8x7B"),
        ("chatglm3-6b", "chatglm3-6b", "ChatGLM3-6B"),
        ("openvla/openvla-7b", "openvla/openvla-7b", "OpenVLA-7B"),
        ("gr00t n1.5 3b", "gr00t n1.5 3b", "GR00T-N1.5-3B"),
        ("FLUX.1-dev lora", "FLUX.1-dev", "FLUX.1-dev"),
        ("wan2.1 14b", "wan2.1 14b", "Wan2.1-T2V-14B"),
        ("MiniCPM-V 2.6", "MiniCPM-V 2.6", "MiniCPM-V-2.6"),
        ("openai/whisper-large-v3", "openai/whisper-large-v3", "Whisper-large-v3"),
        ("a bert-base-uncased encoder", "bert-base-uncased", "BERT-Base"),
        ("Stable Diffusion 1.5", "Stable Diffusion 1.5", "Stable-Diffusion-1.5"),
    ],
)
def test_a_known_model_is_found(text: str, written: str, row: str) -> None:
    found = find_models(text, LIBRARY)
    assert [(one.name, one.row.name if one.row else None) for one in found] == [(written, row)]
    assert found[0].sized


@pytest.mark.parametrize(
    ("text", "written", "params_b"),
    [
        ("acme/Foo-13B-Chat", "acme/Foo-13B-Chat", 13.0),
        ("use MyModel-34b today", "MyModel-34b", 34.0),
        ("acme/tiny-350M", "acme/tiny-350M", 0.35),
        ("Qwen2.5-9B", "Qwen2.5-9B", 9.0),
        ("path=acme/Foo-1.5B,", "acme/Foo-1.5B", 1.5),
    ],
)
def test_an_unknown_model_keeps_its_name_and_size(text: str, written: str, params_b: float) -> None:
    assert [(one.name, one.row, one.params_b) for one in find_models(text, LIBRARY)] == [(written, None, params_b)]


@pytest.mark.parametrize("text", ["Qwen2VL", "GR00T N1.5", "LLaVA-InternLM2", "Qwen2-VL-Instruct"])
def test_a_family_without_a_size_is_not_certain(text: str) -> None:
    (found,) = find_models(text, LIBRARY)
    assert not found.sized
    assert found.params_b is None


@pytest.mark.parametrize(
    "text",
    [
        "clip_grad_norm_(parameters)",
        "the flux of time",
        "a 7b or 13b model",
        "step-7b",
        "128m tokens",
        "optimizer.step()",
        "torch.nn.Linear(4096, 4096)",
        "16G of 24G",
        "2024-05-10 09:14:16",
        "batch_size 16",
        "the wan interface",
        "bloom filter",
        "chroma subsampling",
        "LLaMA-Factory",
        "llama.cpp",
        "checkpoint-500",
        "test_jvp_16",
    ],
)
def test_what_is_no_model_is_not_found(text: str) -> None:
    assert find_models(text, LIBRARY) == []


@pytest.mark.parametrize("text", ["model: bert", "fine-tune bart", "训练 resnet"])
def test_a_plain_word_is_a_model_where_one_is_meant(text: str) -> None:
    (found,) = find_models(text, LIBRARY)
    assert found.plain


def test_a_file_of_code_is_marked() -> None:
    found = find_models('File "/site-packages/transformers/models/qwen2_vl/modeling_qwen2_vl.py", line 9', LIBRARY)
    assert found
    assert all(one.plain for one in found)


@pytest.mark.parametrize(
    ("name", "params_b"),
    [
        ("Llama-2-7b-hf", 7.0),
        ("qwen-1_8b", 1.8),
        ("opt-350m", 0.35),
        ("Qwen3-30B-A3B", 30.0),
        ("Mixtral-8x7B", None),
        ("x-4bit", None),
        ("gemma-3n-E2B", None),
        ("bert-base", None),
        ("", None),
        ("Qwen2.5VL3B", 3.0),
        ("0b", None),
    ],
)
def test_a_name_states_its_size(name: str, params_b: float | None) -> None:
    assert params_from_name(name) == params_b


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("Qwen/Qwen2.5-7B-Instruct-AWQ", "Qwen2.5-7B"),
        ("/mnt/models/Llama-2-13b-chat-hf/", "Llama-2-13B"),
        ("C:\\models\\phi-2", "Phi-2"),
        ("Qwen2.5-9B", None),
        ("acme/Foo-13B", None),
        ("", None),
    ],
)
def test_one_name_is_resolved_and_never_guessed(name: str, row: str | None) -> None:
    found = resolve_model(name, LIBRARY)
    assert (found.name if found else None) == row


def test_suggestions_keep_the_numbers() -> None:
    assert "Qwen2.5-7B" in suggest_models("Qwn2.5-7B", LIBRARY)
    assert suggest_models("@@@", LIBRARY) == []


def test_every_spelling_is_resolved() -> None:
    wrong = {}
    for row in LIBRARY.models.values():
        for spelling in spellings(row):
            found = resolve_model(spelling, LIBRARY)
            if found is None or found.name != row.name:
                wrong[spelling] = found.name if found else None
    assert wrong == {}


def test_every_hub_id_is_found_in_a_command() -> None:
    for row in LIBRARY.models.values():
        if row.hf_id:
            found = find_models(f"train.py --model {row.hf_id} --lr 1e-5", LIBRARY)
            assert [one.name for one in found] == [row.hf_id]
            assert found[0].row is not None
            assert found[0].row.name == row.name


@given(st.text(max_size=400))
def test_any_text_is_read_and_places_are_true(text: str) -> None:
    for found in find_models(text, LIBRARY):
        assert 0 <= found.start < found.end <= len(text)
        assert found.row is not None or found.params_b is not None or not found.sized


@given(
    before=st.text(max_size=40),
    row=st.sampled_from([row for row in LIBRARY.models.values() if row.hf_id]),
    after=st.text(max_size=40),
)
def test_a_hub_id_on_a_line_of_its_own_is_found(before: str, row: object, after: str) -> None:
    hf_id = getattr(row, "hf_id")  # noqa: B009
    assert any(one.name == hf_id for one in find_models(f"{before}\nmodel: {hf_id}\n{after}", LIBRARY))
