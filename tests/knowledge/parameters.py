"""Parameter counts of decoders from their configuration, by a formula as plain as it gets; biases of norms are left out.

embeddings   V*h, twice if the head is not tied
attention    q and o: 2*h*H*d;  k and v: 2*h*K*d
latent attention (DeepSeek-V2, section 2.1, arXiv 2405.04434): down and up projections of q and kv
MLP          3*h*i gated, 2*h*i plain;  experts: E of moe_intermediate_size, shared ones, and the router h*E
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

UNGATED = frozenset(
    [
        "apertus",
        "arcee",
        "bloom",
        "codegen",
        "falcon",
        "gpt2",
        "gpt_bigcode",
        "gpt_neo",
        "gpt_neox",
        "gptj",
        "mpt",
        "nemotron",
        "opt",
        "persimmon",
        "phi",
        "starcoder2",
        "xglm",
    ]
)
LEARNED_POSITIONS = frozenset(["gpt2", "gpt_bigcode", "gpt_neo", "opt"])
EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts")


def _first(config: Mapping[str, Any], names: tuple[str, ...]) -> int:
    return next((config[name] for name in names if config.get(name)), 0)


def decoder_parameters(config: Mapping[str, Any]) -> float:
    """Billions of parameters of a decoder."""
    kind, hidden, layers = config["model_type"], config["hidden_size"], config["num_hidden_layers"]
    inner = config["intermediate_size"]
    gated = kind not in UNGATED and config.get("gated") is not False
    dense = (3 if gated else 2) * hidden * inner
    experts = _first(config, EXPERTS)
    if experts:
        width = config.get("moe_intermediate_size", inner)
        shared = config.get("n_shared_experts", 0) * width + config.get("shared_expert_intermediate_size", 0)
        sparse = 3 * hidden * (experts * width + shared) + hidden * experts
        first = config.get("first_k_dense_replace", 0)
        mlp = first * dense + (layers - first) * sparse
    else:
        mlp = layers * dense
    total = layers * (_attention(config) + 2 * hidden) + mlp + _embeddings(config)
    return float(total / 1e9)


def _attention(config: Mapping[str, Any]) -> int:
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    if "kv_lora_rank" in config:
        query, latent, rope = config["q_lora_rank"], config["kv_lora_rank"], config["qk_rope_head_dim"]
        nope, value = config["qk_nope_head_dim"], config["v_head_dim"]
        to_query = hidden * query + query * heads * (nope + rope) if query else hidden * heads * (nope + rope)
        return int(to_query + hidden * (latent + rope) + latent * heads * (nope + value) + heads * value * hidden)
    size = config.get("head_dim") or hidden // heads
    wide, narrow = heads * size, config["num_key_value_heads"] * size
    return int(2 * hidden * wide + 2 * hidden * narrow + (wide + 2 * narrow if config.get("attention_bias") else 0))


def _embeddings(config: Mapping[str, Any]) -> int:
    hidden, vocabulary = config["hidden_size"], config["vocab_size"]
    narrow = config.get("word_embed_proj_dim", hidden)
    total = vocabulary * narrow * (1 if config["tie_word_embeddings"] else 2)
    if narrow != hidden:
        total += 2 * narrow * hidden
    if config["model_type"] in LEARNED_POSITIONS:
        total += config["max_position_embeddings"] * hidden
    return int(total)


def vit_parameters(config: Mapping[str, Any]) -> float:
    """Billions of parameters of a vision transformer: 4*w*w attention and the MLP per layer."""
    width = config.get("embed_dim") or config["hidden_size"]
    layers = config.get("depth") or config["num_hidden_layers"]
    inner = config.get("intermediate_size") or int(config["mlp_ratio"] * width)
    matrices = 3 if config.get("model_type") in {"qwen2_5_vl", "glm4v_vision", "pixtral"} else 2
    return float(layers * (4 * width * width + matrices * width * inner) / 1e9)
