"""A GGUF header in the words of an estimate: the keys in Hugging Face terms, the file type as a quantisation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from advisor.errors import InputError
from advisor.model_files.gguf import Header

# What llama.cpp calls an architecture and Hugging Face another way.
_TYPES = {
    "qwen2moe": "qwen2_moe", "qwen3moe": "qwen3_moe", "gemma3": "gemma3_text", "deepseek2": "deepseek_v3", "command-r": "cohere",
    "gptneox": "gpt_neox", "phi2": "phi", "gpt-oss": "gpt_oss", "glm4moe": "glm4_moe", "starcoder": "gpt_bigcode",
    "hunyuan-moe": "hunyuan_v1_moe", "ernie4_5-moe": "ernie4_5_moe", "qwen2vl": "qwen2", "qwen3vl": "qwen3", "bert": "bert",
    "nomic-bert": "nomic_bert", "t5": "t5", "falcon-h1": "falcon_h1",
}  # fmt: skip
_ENCODERS = frozenset({"bert", "nomic-bert", "jina-bert-v2", "modern-bert"})
_KEYS = {
    "embedding_length": "hidden_size", "block_count": "num_hidden_layers", "feed_forward_length": "intermediate_size",
    "attention.head_count": "num_attention_heads", "attention.head_count_kv": "num_key_value_heads",
    "attention.key_length": "head_dim", "context_length": "max_position_embeddings", "vocab_size": "vocab_size",
    "expert_count": "num_experts", "expert_used_count": "num_experts_per_tok", "expert_feed_forward_length": "moe_intermediate_size",
    "expert_shared_count": "n_shared_experts", "leading_dense_block_count": "first_k_dense_replace",
    "attention.sliding_window": "sliding_window", "attention.kv_lora_rank": "kv_lora_rank",
    "attention.q_lora_rank": "q_lora_rank", "rope.dimension_count": "qk_rope_head_dim", "attention.value_length_mla": "v_head_dim",
}  # fmt: skip
_FILE_TYPES = {
    0: "fp32", 1: "fp16", 2: "q4_0", 3: "q4_1", 7: "q8_0", 8: "q5_0", 9: "q5_1", 10: "q2_k", 11: "q3_k_s", 12: "q3_k_m", 13: "q3_k_l",
    14: "q4_k_s", 15: "q4_k_m", 16: "q5_k_s", 17: "q5_k_m", 18: "q6_k", 19: "iq2_xxs", 20: "iq2_xs", 21: "q2_k_s", 22: "iq3_xs",
    23: "iq3_xxs", 24: "iq1_s", 25: "iq4_nl", 26: "iq3_s", 27: "iq3_m", 28: "iq2_s", 29: "iq2_m", 30: "iq4_xs", 31: "iq1_m", 32: "bf16",
    38: "mxfp4",
}  # fmt: skip
_PLAIN = ("fp32", "fp16", "bf16")
# A file without a file type is named by the type of most of its weights.
_BY_TENSOR = {
    0: "fp32", 1: "fp16", 2: "q4_0", 3: "q4_1", 6: "q5_0", 7: "q5_1", 8: "q8_0", 10: "q2_k", 11: "q3_k_m", 12: "q4_k_m", 13: "q5_k_m",
    14: "q6_k", 16: "iq2_xxs", 17: "iq2_xs", 18: "iq3_xxs", 19: "iq1_s", 20: "iq4_nl", 21: "iq3_s", 22: "iq2_s", 23: "iq4_xs",
    29: "iq1_m", 30: "bf16", 39: "mxfp4",
}  # fmt: skip
_HINT = "Hand in the file of the language model itself, all parts of it."


def words_of(headers: Sequence[Header], place: str) -> dict[str, Any]:
    """`arch`, `params_b`, `precision`, `quantization`, `model_kind` and `task` of a model in one file or several parts.

    `arch.bits_per_weight` is the average over all stored weights, exactly.

    Raises:
        InputError: no architecture, a projector's or adapter's file, or sizes that make no sense.
    """
    first = headers[0]
    name = str(first.keys.get("general.architecture") or "")
    if not name:
        raise InputError("names no general.architecture", place=place, hint=_HINT)
    if name == "clip" or first.keys.get("general.type") in ("mmproj", "adapter", "imatrix"):
        raise InputError("is a projector, an adapter or a matrix, not a model", place=place, hint=_HINT)
    count = sum(math.prod(shape) for each in headers for shape in each.shapes.values())
    if not count:
        raise InputError("holds no weights", place=place, hint=_HINT)
    arch = _arch(headers, name, place)
    bits = 8.0 * sum(each.stored_bytes() for each in headers) / count
    words: dict[str, Any] = {"arch": arch, "params_b": count / 1e9, "task": "inference", "precision": "fp16"}
    words["model_kind"] = "encoder" if name in _ENCODERS else "seq2seq" if name == "t5" else "llm"
    stored = _stored(headers)
    if stored in _PLAIN:
        words["precision"] = stored
    elif stored:
        words["quantization"] = stored
        arch["bits_per_weight"] = round(bits, 4)
    return words


def _stored(headers: Sequence[Header]) -> str:
    stated = _FILE_TYPES.get(headers[0].keys.get("general.file_type", -1))
    if stated:
        return stated
    weights: dict[int, int] = {}
    for header in headers:
        for name, kind in header.types.items():
            weights[kind] = weights.get(kind, 0) + math.prod(header.shapes[name])
    return _BY_TENSOR.get(max(weights, key=lambda kind: weights[kind]), "")


def _arch(headers: Sequence[Header], name: str, place: str) -> dict[str, Any]:
    first = headers[0]
    arch: dict[str, Any] = {}
    for key, plain in _KEYS.items():
        value = first.keys.get(f"{name}.{key}")
        if isinstance(value, list):  # one number for each layer: the largest decides a peak
            value = max((each for each in value if type(each) is int), default=None)
        if type(value) is not int:
            continue
        if not 0 <= value <= 10**9:
            raise InputError(f"{name}.{key} is {value}", place=place, hint=_HINT)
        if value:
            arch[plain] = value
    for needed in ("hidden_size", "num_hidden_layers", "num_attention_heads"):
        if needed not in arch:
            raise InputError(f"tells no {needed.replace('_', ' ')} of a {name[:40]} model", place=place, hint=_HINT)
    shapes = {tensor: shape for each in headers for tensor, shape in each.shapes.items()}
    embedding = shapes.get("token_embd.weight", ())
    tokens = embedding[1] if len(embedding) > 1 else first.lengths.get("tokenizer.ggml.tokens", 0)
    if tokens:
        arch["vocab_size"] = tokens
    if "kv_lora_rank" in arch:
        # With latent attention `key_length` is the width of a head's keys, the rotated part included.
        wide = first.keys.get(f"{name}.attention.key_length_mla") or arch.pop("head_dim", 0)
        arch["qk_nope_head_dim"] = max(0, int(wide) - arch.get("qk_rope_head_dim", 0))
        arch.setdefault("v_head_dim", int(first.keys.get(f"{name}.attention.value_length") or 128))
    else:
        arch.pop("qk_rope_head_dim", None)
    kind = "mixtral" if name == "llama" and "num_experts" in arch else _TYPES.get(name, name.replace("-", "_"))
    gated = any(".ffn_gate" in tensor for tensor in shapes) or any(
        shape[1] == 2 * arch.get("intermediate_size", 0)
        for tensor, shape in shapes.items()
        if "ffn_up.weight" in tensor and len(shape) > 1
    )
    act = "silu" if gated else "gelu"
    return {"model_type": kind, **arch, "hidden_act": act, "tie_word_embeddings": "output.weight" not in shapes}
