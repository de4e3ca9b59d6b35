"""Any model from its files: configurations, headers of weights, caches, and what happens with damaged ones."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.errors import AdvisorError, InputError
from advisor.estimate import estimate
from advisor.library import load_library
from advisor.model_files import cached_model, describe
from advisor.model_files.config import quantization_of

LLAMA = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 2048, "intermediate_size": 8192,
    "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256,
    "tie_word_embeddings": True, "torch_dtype": "bfloat16", "hidden_act": "silu",
}  # fmt: skip
GPT2 = {"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "vocab_size": 50257}
LLAVA = {
    "model_type": "llava",
    "text_config": {"model_type": "llama", "vocab_size": 32064},
    "vision_config": {
        "model_type": "clip_vision_model", "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24,
        "num_attention_heads": 16, "image_size": 336, "patch_size": 14,
    },
}  # fmt: skip
SCALES = {"a.scales": ("F16", (2, 64))}
STATE = "a.weight.quant_state.bitsandbytes__nf4"
_BYTES = {"F32": 4, "BF16": 2, "F16": 2, "I32": 4, "U8": 1, "I8": 1, "F8_E4M3": 1}


def safetensors(path: Path, tensors: Mapping[str, tuple[str, tuple[int, ...]]]) -> Path:
    """A sparse file with a true header and no weights worth their space."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, (dtype, shape) in tensors.items():
        size = _BYTES[dtype]
        for each in shape:
            size *= each
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    data = json.dumps(header).encode()
    with path.open("wb") as stream:
        stream.write(struct.pack("<Q", len(data)) + data)
        stream.truncate(8 + len(data) + at)
    return path


def llama_tensors(
    layers: int = 2, hidden: int = 256, ffn: int = 512, vocab: int = 1000
) -> dict[str, tuple[str, tuple[int, ...]]]:
    made: dict[str, tuple[str, tuple[int, ...]]] = {"model.embed_tokens.weight": ("BF16", (vocab, hidden))}
    for layer in range(layers):
        for name, shape in (("self_attn.q_proj", (hidden, hidden)), ("self_attn.k_proj", (hidden // 2, hidden)),
                            ("mlp.gate_proj", (ffn, hidden))):  # fmt: skip
            made[f"model.layers.{layer}.{name}.weight"] = ("BF16", shape)
    return made


def _text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def gguf(
    pairs: Mapping[str, Any], tensors: Mapping[str, tuple[int, tuple[int, ...]]], version: int = 3, ending: bytes = b""
) -> bytes:
    data = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(pairs))
    for key, value in pairs.items():
        data += _text(key)
        if isinstance(value, str):
            data += struct.pack("<I", 8) + _text(value)
        elif isinstance(value, list) and value and isinstance(value[0], str):
            data += struct.pack("<IIQ", 9, 8, len(value)) + b"".join(_text(each) for each in value)
        elif isinstance(value, list):
            data += struct.pack("<IIQ", 9, 5, len(value)) + b"".join(struct.pack("<i", each) for each in value)
        else:
            data += struct.pack("<II", 4, value)
    for name, (kind, shape) in tensors.items():
        data += _text(name) + struct.pack("<I", len(shape)) + b"".join(struct.pack("<Q", each) for each in shape)
        data += struct.pack("<IQ", kind, 0)
    return data + ending


PAIRS = {
    "general.architecture": "qwen2", "general.file_type": 15, "qwen2.block_count": 24, "qwen2.embedding_length": 896,
    "qwen2.feed_forward_length": 4864, "qwen2.attention.head_count": 14, "qwen2.attention.head_count_kv": 2,
    "qwen2.context_length": 32768, "tokenizer.ggml.tokens": ["a", "bc"] * 3000, "tokenizer.ggml.token_type": [1] * 6000,
}  # fmt: skip
TENSORS = {
    "token_embd.weight": (8, (896, 6000)),
    "blk.0.ffn_gate.weight": (12, (896, 4864)),
    "output_norm.weight": (0, (896,)),
}
LAYER = {"attn_q": (12, (896, 896)), "attn_k": (12, (896, 128)), "attn_v": (14, (896, 128)), "attn_output": (12, (896, 896)),
         "ffn_gate": (12, (896, 4864)), "ffn_up": (12, (896, 4864)), "ffn_down": (14, (4864, 896))}  # fmt: skip


@pytest.fixture(params=["file", "folder"])
def config(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text(json.dumps(LLAMA))
    return tmp_path if request.param == "folder" else tmp_path / "config.json"


def test_a_configuration_gives_architecture_kind_and_precision(config: Path) -> None:
    words = describe(config)
    assert (words["model_kind"], words["precision"]) == ("llm", "bf16")
    assert words["arch"]["num_key_value_heads"] == 8
    found = estimate({**words, "task": "inference", "seq_len": 128}, load_library())
    assert found.component("weights") == pytest.approx(
        1.2358e9 * 2 / 2**30, rel=0.01
    )  # Llama-3.2-1B has 1.2358e9 weights


def test_other_spellings_get_their_plain_names(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(GPT2))
    arch = describe(tmp_path)["arch"]
    assert (arch["hidden_size"], arch["num_hidden_layers"], arch["intermediate_size"]) == (768, 12, 3072)
    assert arch["tie_word_embeddings"] is True


def test_a_part_that_states_only_what_differs_gets_its_class_defaults(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(LLAVA))
    words = describe(tmp_path)
    assert words["model_kind"] == "vlm"
    assert words["arch"]["text_config"]["num_hidden_layers"] == 32
    found = estimate({**words, "task": "inference", "seq_len": 128, "precision": "fp16"}, load_library())
    assert found.component("weights") == pytest.approx(7.06e9 * 2 / 2**30, rel=0.03)  # LLaVA-1.5-7B has 7.06e9


@pytest.mark.parametrize(
    ("settings_", "name"),
    [
        ({"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_use_double_quant": True}, "nf4-dq"),
        ({"load_in_4bit": True}, "nf4"),
        ({"load_in_8bit": True}, "int8"),
        ({"quant_method": "gptq", "bits": 8}, "gptq8"),
        ({"quant_method": "awq", "bits": 4}, "awq4"),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "fp8-block"),
        ({"quant_method": "fbgemm_fp8"}, "fp8"),
        ({"quant_method": "mxfp4"}, "mxfp4"),
        (
            {
                "quant_method": "compressed-tensors",
                "config_groups": {"group_0": {"weights": {"num_bits": 4, "type": "int"}}},
            },
            "gptq4",
        ),
        (
            {
                "quant_method": "compressed-tensors",
                "config_groups": {"g": {"weights": {"num_bits": 8, "type": "float"}}},
            },
            "fp8",
        ),
        ({"quant_method": "something new"}, ""),
    ],
)
def test_quantisation_is_named_as_the_estimator_knows_it(settings_: dict[str, Any], name: str) -> None:
    assert quantization_of(settings_) == name
    known = {row["name"] for row in load_library().settings["quantization"]["formats"]}
    known |= {alias for row in load_library().settings["quantization"]["formats"] for alias in row.get("aliases", ())}
    assert not name or name in known


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        ("T5-Large", 0.02), ("Flan-T5-XL", 0.02), ("BART-Large", 0.02), ("NLLB-200-1.3B", 0.02), ("Whisper-large-v3", 0.02),
        ("Whisper-tiny", 0.05), ("ViT-B/16", 0.03), ("CLIP-ViT-B/32", 0.03), ("ALBERT-XXLarge", 0.1), ("ESM-2-650M", 0.03),
        ("HuBERT-Large", 0.03), ("BERT-Tiny", 0.06),
    ],
)  # fmt: skip
def test_what_is_no_plain_decoder_is_counted_by_its_structure(tmp_path: Path, name: str, tolerance: float) -> None:
    model = load_library().models[name]
    (tmp_path / "config.json").write_text(json.dumps(model.config))
    assert describe(tmp_path)["params_b"] == pytest.approx(model.params_b, rel=tolerance)


def test_a_network_of_convolutions_needs_its_weights(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(
        json.dumps({"model_type": "resnet", "hidden_sizes": [256, 512], "depths": [3, 4]})
    )
    with pytest.raises(InputError, match="how many weights"):
        describe(tmp_path)
    safetensors(tmp_path / "model.safetensors", {"a.weight": ("F32", (5000, 5000))})
    words = describe(tmp_path)
    assert (words["model_kind"], words["params_b"]) == ("vision", 0.025)
    assert estimate({**words, "task": "inference"}, load_library()).component("weights") == pytest.approx(
        0.1 / 1.0737, rel=0.1
    )


def test_a_header_counts_the_weights_and_tells_the_shapes(tmp_path: Path) -> None:
    path = safetensors(tmp_path / "model.safetensors", llama_tensors())
    words = describe(path)
    assert words["params_b"] == (1000 * 256 + 2 * (256 * 256 + 128 * 256 + 512 * 256)) / 1e9
    assert words["precision"] == "bf16"
    assert (
        words["arch"]["num_hidden_layers"],
        words["arch"]["num_key_value_heads"],
        words["arch"]["tie_word_embeddings"],
    ) == (2, 2, True)


def test_the_shards_of_an_index_are_one_model(tmp_path: Path) -> None:
    first, second = llama_tensors(1), {"lm_head.weight": ("BF16", (1000, 256))}
    safetensors(tmp_path / "model-00001-of-00002.safetensors", first)
    safetensors(tmp_path / "model-00002-of-00002.safetensors", second)
    safetensors(tmp_path / "consolidated.safetensors", first)
    index = tmp_path / "model.safetensors.index.json"
    weight_map = dict.fromkeys(first, "model-00001-of-00002.safetensors") | {
        "lm_head.weight": "model-00002-of-00002.safetensors"
    }
    index.write_text(json.dumps({"weight_map": weight_map}))
    assert (
        describe(index)["params_b"]
        == describe(tmp_path)["params_b"]
        == (2 * 1000 * 256 + 256 * 256 + 128 * 256 + 512 * 256) / 1e9
    )
    (tmp_path / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(InputError, match="model-00002-of-00002"):
        describe(tmp_path)
    index.write_text(json.dumps({"weight_map": {"a": "../../etc/passwd"}}))
    with pytest.raises(InputError, match="outside"):
        describe(tmp_path)


@pytest.mark.parametrize(
    ("tensors", "name", "count"),
    [
        ({**SCALES, "a.qweight": ("I32", (32, 64)), "a.qzeros": ("I32", (2, 8)), "a.g_idx": ("I32", (256,))}, "gptq4", 256 * 64),
        ({**SCALES, "a.qweight": ("I32", (64, 64)), "a.qzeros": ("I32", (2, 16)), "a.g_idx": ("I32", (256,))}, "gptq8", 256 * 64),
        ({**SCALES, "a.qweight": ("I32", (256, 8)), "a.qzeros": ("I32", (2, 8))}, "awq4", 256 * 64),
        ({"a.weight": ("U8", (512, 1)), "a.weight.absmax": ("F32", (16,)), STATE: ("U8", (90,))}, "nf4", 1024),
        ({"a.weight": ("I8", (32, 32)), "a.SCB": ("F32", (32,))}, "int8", 1024),
        ({"a.weight": ("F8_E4M3", (32, 32)), "a.weight_scale_inv": ("F32", (1, 1))}, "fp8-block", 1024),
        ({"e.gate_up_proj_blocks": ("U8", (2, 64, 1, 16)), "e.gate_up_proj_scales": ("U8", (2, 64, 1))}, "mxfp4", 4096),
    ],
)  # fmt: skip
def test_packed_weights_are_counted_one_by_one(
    tmp_path: Path, tensors: dict[str, tuple[str, tuple[int, ...]]], name: str, count: int
) -> None:
    words = describe(safetensors(tmp_path / "model.safetensors", tensors))
    assert (words["quantization"], round(words["params_b"] * 1e9)) == (name, count)


@pytest.mark.parametrize("version", [2, 3])
def test_a_gguf_header_gives_architecture_quantisation_and_bytes(tmp_path: Path, version: int) -> None:
    path = tmp_path / "model-q4_k_m.gguf"
    tensors = TENSORS | {f"blk.{layer}.{name}.weight": row for layer in range(24) for name, row in LAYER.items()}
    path.write_bytes(gguf(PAIRS, tensors, version))
    words = describe(path)
    arch = words["arch"]
    assert (words["quantization"], words["task"], arch["model_type"], arch["hidden_act"]) == (
        "q4_k_m",
        "inference",
        "qwen2",
        "silu",
    )
    assert (arch["vocab_size"], arch["num_key_value_heads"], arch["max_position_embeddings"]) == (6000, 2, 32768)
    narrow, wide = 24 * (896 * (896 * 2 + 128) + 2 * 896 * 4864), 24 * (896 * 128 + 4864 * 896)
    count = 896 * 6000 + narrow + wide + 896
    assert words["params_b"] == count / 1e9
    stored = 896 * 6000 / 32 * 34 + narrow / 256 * 144 + wide / 256 * 210 + 896 * 4
    assert arch["bits_per_weight"] == pytest.approx(stored * 8 / count, abs=1e-4)
    found = estimate({**words, "seq_len": 128}, load_library())
    assert found.component("weights") == pytest.approx(stored / 2**30, rel=0.01)


def test_the_vocabulary_comes_from_the_tokens_where_no_embedding_is_there(tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    path.write_bytes(gguf(PAIRS, {"blk.0.ffn_gate.weight": (12, (896, 4864))}))
    assert describe(path)["arch"]["vocab_size"] == 6000


def test_the_parts_of_a_gguf_are_one_model(tmp_path: Path) -> None:
    (tmp_path / "m-00001-of-00002.gguf").write_bytes(gguf(PAIRS, {"token_embd.weight": (8, (896, 6000))}))
    with pytest.raises(InputError, match="1 of 2 parts"):
        describe(tmp_path)
    (tmp_path / "m-00002-of-00002.gguf").write_bytes(gguf({}, {"output.weight": (14, (896, 6000))}))
    words = describe(tmp_path)
    assert (words["params_b"], words["arch"]["tie_word_embeddings"]) == (2 * 896 * 6000 / 1e9, False)


@pytest.mark.parametrize("variable", ["HF_HOME", "HF_HUB_CACHE"])
def test_the_cache_of_hugging_face_is_found(tmp_path: Path, variable: str) -> None:
    hub = tmp_path / "hub" if variable == "HF_HOME" else tmp_path
    model = hub / "models--some-lab--tiny-llm"
    for name in ("old", "new"):
        (model / "snapshots" / name).mkdir(parents=True)
        (model / "snapshots" / name / "config.json").write_text(
            json.dumps({**LLAMA, "vocab_size": 1000 if name == "old" else 2000})
        )
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text("old")
    assert cached_model("some-lab/tiny-llm", {variable: str(tmp_path)}) == model / "snapshots" / "old"
    assert describe(model)["arch"]["vocab_size"] == 1000
    assert cached_model("some-lab/other", {variable: str(tmp_path)}) is None
    assert cached_model("../some-lab", {variable: str(tmp_path)}) is None


def test_an_adapter_names_its_base(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "Qwen/Qwen2.5-7B", "r": 32}))
    (tmp_path / "adapter_model.safetensors").write_bytes(b"")
    assert describe(tmp_path) == {"hf_id": "Qwen/Qwen2.5-7B", "method": "lora", "lora_rank": 32}


def test_a_diffusers_folder_is_weighed_part_by_part(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": "FluxPipeline"}))
    configs = {"transformer": {"num_layers": 19, "num_single_layers": 38, "num_attention_heads": 24, "attention_head_dim": 128},
               "vae": {"block_out_channels": [128, 256, 512, 512]}, "text_encoder": {}}  # fmt: skip
    for part, settings_ in configs.items():
        (tmp_path / part).mkdir()
        (tmp_path / part / "config.json").write_text(json.dumps(settings_))
        safetensors(tmp_path / part / "model.safetensors", {"a.weight": ("BF16", (40_000, 10_000))})
    words = describe(tmp_path)
    assert (words["model_kind"], words["params_b"], words["arch"]["vae"]["spatial_factor"]) == ("diffusion", 0.4, 8)
    assert estimate({**words, "task": "inference"}, load_library()).component("weights") > 0.7


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("config.json", b""),
        ("config.json", b"[1]"),
        ("config.json", b"[" * 100_000),
        ("config.json", b'{"hidden_size": -4, "model_type": "llama"}'),
        ("config.json", b'{"hidden_size": 1e999, "model_type": "llama"}'),
        ("config.json", b'{"hidden_size": "big"}'),
        ("config.json", b'{"text_config": 3, "hidden_size": 4}'),
        ("config.json", b'{"id2label": {}}'),
        ("config.json", b"\xff\xfe\x00"),
        ("model.safetensors", b""),
        ("model.safetensors", struct.pack("<Q", 2**60) + b"{}"),
        ("model.safetensors", struct.pack("<Q", 2) + b"{}"),
        (
            "model.safetensors",
            struct.pack("<Q", 60) + b'{"a": {"dtype": "F32", "shape": [9], "data_offsets": [0, 36]}}'[:60],
        ),
        ("model.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n"),
        ("model.gguf", b""),
        ("model.gguf", b"GGUF" + struct.pack("<IQQ", 1, 0, 0)),
        ("model.gguf", gguf(PAIRS, TENSORS)[:-20]),
        ("model.gguf", gguf({"general.architecture": "clip"}, TENSORS)),
        ("model.gguf", gguf(PAIRS, {"token_embd.weight": (99, (896, 6000))})),
        ("model.gguf", b"GGUF" + struct.pack("<IQQ", 3, 2**63, 2**63) + b"\0" * 64),
        ("weights.bin", b"x"),
    ],
)
def test_a_damaged_file_is_named_with_the_next_step(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        describe(path)
    assert str(path) in caught.value.place
    assert caught.value.hint


def test_nothing_there_is_an_error_too(tmp_path: Path) -> None:
    for path in (tmp_path / "gone", tmp_path, tmp_path / "models--a--b"):
        with pytest.raises(InputError):
            describe(path)
    with pytest.raises(InputError):
        describe("a\0b")


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
_damage = st.tuples(st.integers(0, 400), st.binary(min_size=1, max_size=12))


@settings(max_examples=150)
@given(
    name=st.sampled_from(["config.json", "model.safetensors", "model.gguf"]),
    data=st.binary(max_size=300),
    damage=_damage,
    mode=st.integers(0, 2),
)
def test_random_bytes_never_give_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: bytes, damage: tuple[int, bytes], mode: int
) -> None:
    path = tmp_path_factory.getbasetemp() / name
    if name.endswith("gguf") and mode:
        sound = gguf({**PAIRS, "tokenizer.ggml.tokens": ["a"]}, TENSORS)
    elif name.endswith("safetensors") and mode:
        sound = safetensors(path, {"model.embed_tokens.weight": ("BF16", (4, 4))}).read_bytes()
    else:
        sound = json.dumps(LLAMA).encode() if mode else data
    at, bytes_ = damage
    path.write_bytes(sound[:at] + bytes_ + sound[at + len(bytes_) * (mode == 1) :] if mode else data)
    try:
        words = describe(path)
    except InputError as error:
        assert error.place  # noqa: PT017
        assert error.hint  # noqa: PT017
        return
    assert words


@settings(max_examples=150)
@given(
    key=st.sampled_from([*LLAMA, "head_dim", "text_config", "vision_config", "quantization_config", "num_experts"]),
    value=_json,
)
def test_a_configuration_with_any_value_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, key: str, value: object
) -> None:
    path = tmp_path_factory.getbasetemp() / "config.json"
    path.write_text(json.dumps({**LLAMA, key: value}))
    try:
        words = describe(path)
        estimate({**words, "task": "inference", "seq_len": 128}, load_library())
    except AdvisorError:
        return
