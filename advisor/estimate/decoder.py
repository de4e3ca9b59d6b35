"""A decoder's sizes and its weights by part, from the terms of a Hugging Face config.json; what the config leaves open fits the count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from advisor.estimate.inference import Decoder
from advisor.estimate.kv_cache import CacheShape

Config = Mapping[str, Any]
# Families whose feed-forward has no gate, where neither the activation nor the count tells.
_UNGATED = frozenset({
    "gpt2", "gpt_neo", "gpt_neox", "gptj", "gpt_bigcode", "opt", "bloom", "falcon", "mpt", "phi", "codegen", "starcoder2", "bert",
    "roberta", "xlm-roberta", "distilbert", "electra", "deberta", "deberta-v2", "vit", "clip", "siglip", "whisper", "stablelm_alpha",
    "persimmon", "fuyu", "xglm", "nemotron", "arcee", "apertus",
})  # fmt: skip


class Parts(Struct, frozen=True):
    """Counts of weights: linear layers of the blocks, output head (0 where tied), everything else, and routed experts among the linear."""

    linear: float
    head: float
    rest: float
    experts: float = 0.0
    tower: float = 0.0

    @property
    def total(self) -> float:
        return self.linear + self.head + self.rest


def _number(config: Config, *names: str, default: float = 0.0) -> float:
    for name in names:
        value = config.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    return default


def text_config(config: Config) -> Config:
    """The language model's part of a configuration."""
    for name in ("text_config", "llm_config", "language_config", "thinker_config"):
        inner = config.get(name)
        if isinstance(inner, Mapping):
            return text_config(inner)
    return config


def tower_params(config: Config) -> float:
    """Weights of a vision or audio tower: layers * (4 h**2 + 2 h f) and its patch embedding."""
    total = 0.0
    for name in ("vision_config", "audio_config"):
        tower = config.get(name)
        if not isinstance(tower, Mapping):
            continue
        # Qwen2-VL's tower calls its width embed_dim, and hidden_size the width that it projects to.
        own = "depth" in tower and "mlp_ratio" in tower
        names = ("embed_dim", "hidden_size") if own else ("hidden_size", "embed_dim")
        hidden = _number(tower, *names, "d_model", "width")
        layers = _number(tower, "num_hidden_layers", "depth", "encoder_layers", "layers")
        ffn = _number(
            tower,
            "intermediate_size",
            "encoder_ffn_dim",
            "mlp_dim",
            default=hidden * _number(tower, "mlp_ratio", default=4.0),
        )
        total += (
            layers * (4 * hidden * hidden + 2 * hidden * ffn)
            + 3 * _number(tower, "patch_size", default=14) ** 2 * hidden
        )
    return total


class _Sizes(Struct, frozen=True):
    hidden: float
    layers: float
    heads: float
    kv_heads: float
    head_dim: float
    ffn: float
    vocab: float
    experts: float
    active: float
    expert_ffn: float
    shared_ffn: float
    dense_layers: float


def _sizes(config: Config) -> _Sizes:
    hidden = _number(config, "hidden_size", "n_embd", "d_model", "dim", "model_dim")
    layers = _number(config, "num_hidden_layers", "n_layer", "num_layers", "decoder_layers", "n_layers")
    heads = _number(
        config, "num_attention_heads", "n_head", "n_heads", "decoder_attention_heads", default=max(1.0, hidden // 128)
    )
    own = 1.0 if config.get("multi_query") else heads
    kv_heads = _number(config, "num_key_value_heads", "num_kv_heads", "multi_query_group_num", default=own)
    ffn = _number(
        config, "intermediate_size", "ffn_hidden_size", "n_inner", "ffn_dim", "decoder_ffn_dim", default=4 * hidden
    )
    experts = _number(config, "num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts")
    expert_ffn = _number(config, "moe_intermediate_size", default=ffn) if experts else 0.0
    shared = _number(
        config, "shared_expert_intermediate_size", default=expert_ffn * _number(config, "n_shared_experts")
    )
    return _Sizes(
        hidden, layers, heads, kv_heads, _number(config, "head_dim", "kv_channels", default=hidden / heads if heads else 0.0), ffn,
        _number(config, "vocab_size", "padded_vocab_size", default=32000.0), experts,
        _number(config, "num_experts_per_tok", "moe_topk", "top_k", default=2.0) if experts else 0.0, expert_ffn,
        shared if experts else 0.0, _number(config, "first_k_dense_replace") if experts else layers,
    )  # fmt: skip


def _attention(config: Config, s: _Sizes) -> tuple[float, float]:
    """Weights of a layer's attention, and of its query, key and value projections alone."""
    latent = _number(config, "kv_lora_rank")
    if latent:
        rope, nope, value = (_number(config, name) for name in ("qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim"))
        q_rank = _number(config, "q_lora_rank")
        per_head = nope + rope
        query = s.hidden * q_rank + q_rank * s.heads * per_head if q_rank else s.hidden * s.heads * per_head
        keys = s.hidden * (latent + rope) + latent * s.heads * (nope + value)
        return query + keys + s.heads * value * s.hidden, query + keys
    qkv = s.hidden * s.head_dim * (s.heads + 2 * s.kv_heads)
    return qkv + s.heads * s.head_dim * s.hidden, qkv


def _count(config: Config, s: _Sizes, gated: bool, tied: bool) -> Parts:
    attention, _ = _attention(config, s)
    matrices = 3 if gated else 2
    dense = matrices * s.hidden * s.ffn
    experts = s.experts * 3 * s.hidden * s.expert_ffn
    sparse_layers = s.layers - s.dense_layers if s.experts else 0.0
    routed = sparse_layers * experts
    linear = s.layers * attention + (s.layers - sparse_layers) * dense + routed
    linear += sparse_layers * (3 * s.hidden * s.shared_ffn + s.hidden * s.experts)
    embedding = s.vocab * s.hidden
    tower = tower_params(config)
    return Parts(linear, 0.0 if tied else embedding, embedding + (2 * s.layers + 1) * s.hidden, routed, tower)


_known: dict[tuple[str, float], tuple[Decoder, Parts]] = {}
_KEPT = 2048


def decoder_of(config: Config, params_b: float = 0.0) -> tuple[Decoder, Parts]:
    """The decoder that a configuration describes, and its weights by part; equal configurations are read once.

    See `_read` for what is done where the configuration leaves the gate, the head or the count open.
    """
    key = repr(config), params_b
    found = _known.get(key)
    if found is None:
        if len(_known) >= _KEPT:
            _known.clear()
        found = _known[key] = _read(config, params_b)
    return found


def _read(config: Config, params_b: float) -> tuple[Decoder, Parts]:
    """The decoder that a configuration describes, and its weights by part.

    Where the configuration doesn't say whether the feed-forward is gated or the head tied, the choice is the one whose count comes
    nearest to `params_b` (billions). What is left between the two counts goes to `rest` (towers, projectors, biases), or, where the
    configuration counts too many, it scales the linear layers.
    """
    inner = text_config(config)
    s = _sizes(inner)
    kind = str(inner.get("model_type") or config.get("model_type") or "")
    act = str(inner.get("hidden_act") or inner.get("hidden_activation") or inner.get("activation_function") or "")
    tower = tower_params(config)
    gates = (False,) if kind in _UNGATED else (True,) if act in ("silu", "swiglu") or s.experts else (True, False)
    stated = inner.get("tie_word_embeddings", config.get("tie_word_embeddings"))
    ties = (bool(stated),) if stated is not None else (False, True)
    wanted = params_b * 1e9
    options = [(gated, tied, _count(inner, s, gated, tied)) for gated in gates for tied in ties]
    if wanted:
        gated, _, parts = min(options, key=lambda option: abs(option[2].total + tower - wanted))
        extra = wanted - parts.total
        if extra > tower + 0.3 * wanted:  # what the configuration doesn't tell is experts
            parts = Parts(parts.linear + extra, parts.head, parts.rest, parts.experts + extra, 0.0)
        elif extra >= 0:
            parts = Parts(parts.linear + min(extra, tower) * 0.95, parts.head, parts.rest + extra - min(extra, tower) * 0.95,
                          parts.experts, min(extra, tower))  # fmt: skip
        else:
            scale = max(0.1, (parts.linear + extra) / parts.linear) if parts.linear else 1.0
            parts = Parts(parts.linear * scale, parts.head, parts.rest, parts.experts * scale, 0.0)
    else:
        gated, _, parts = options[0]
        parts = Parts(parts.linear + tower, parts.head, parts.rest, parts.experts, tower)
    window = int(_number(inner, "sliding_window")) if inner.get("use_sliding_window", True) else 0
    windowed = int(s.layers) if window and not inner.get("layer_types") else 0
    types = inner.get("layer_types")
    if window and isinstance(types, list | tuple):
        windowed = sum("sliding" in str(each) for each in types)
    elif window and kind.startswith("gemma2"):
        windowed = int(s.layers) // 2
    elif window and kind.startswith("gemma3"):
        windowed = int(s.layers) * 5 // 6
    latent = (
        int(_number(inner, "kv_lora_rank") + _number(inner, "qk_rope_head_dim"))
        if _number(inner, "kv_lora_rank")
        else 0
    )
    ffn = s.ffn if not s.experts else s.active * s.expert_ffn + s.shared_ffn
    shape = CacheShape(int(s.layers), int(s.kv_heads), int(s.head_dim), latent, window, windowed)
    decoder = Decoder(
        hidden=int(s.hidden), layers=int(s.layers), heads=int(s.heads), ffn=int(ffn), gated=gated, vocab=int(s.vocab), cache=shape,
        largest_linear=s.hidden * max(s.ffn if not s.experts else s.expert_ffn, s.heads * s.head_dim),
        qkv_weights=s.layers * _attention(inner, s)[1],
    )  # fmt: skip
    return decoder, parts


_VOCABULARY = 64000
_DEPTHS = (6, 12, 16, 20, 24, 28, 32, 36, 40, 48, 60, 64, 80, 96, 126)


def config_of_size(params_b: float) -> Config:
    """A Llama-like configuration of `params_b` billion weights, where nothing else is known: h = 128 l, a quarter as many heads of keys.

    The depth is the one whose usual feed-forward (8/3 h) comes nearest; the feed-forward then takes what is left, between h and 6 h, so
    that the count is met.
    """
    wanted = params_b * 1e9

    def fixed(layers: int, hidden: int) -> float:
        return layers * 2.5 * hidden * hidden + 2 * _VOCABULARY * hidden

    sized = [(layers, max(512, layers * 128)) for layers in _DEPTHS]
    layers, hidden = min(sized, key=lambda one: abs(fixed(*one) + one[0] * 8 * one[1] ** 2 - wanted))
    inner = (wanted - fixed(layers, hidden)) / (3 * layers * hidden)
    inner = max(hidden, min(6 * hidden, 64 * round(inner / 64)))
    return {"hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": hidden // 128,
            "num_key_value_heads": max(1, hidden // 512), "intermediate_size": int(inner), "vocab_size": _VOCABULARY,
            "hidden_act": "silu", "tie_word_embeddings": False}  # fmt: skip
