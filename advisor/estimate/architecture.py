"""A model's architecture, read from Hugging Face config.json terms: towers of equal layers with their dimensions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

# The several spellings of one dimension in config.json files, the first that is there wins.
_SPELLINGS: dict[str, tuple[str, ...]] = {
    "hidden": ("hidden_size", "d_model", "n_embd", "embed_dim", "dim", "model_dim"),
    "layers": ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers", "depth"),
    "decoder_layers": ("num_decoder_layers", "decoder_layers"),
    "heads": ("num_attention_heads", "n_head", "n_heads", "num_heads", "encoder_attention_heads"),
    "kv_heads": ("num_key_value_heads", "num_kv_heads", "multi_query_group_num"),
    "ffn": ("intermediate_size", "ffn_dim", "d_ff", "n_inner", "encoder_ffn_dim", "hidden_dim", "ffn_hidden_size"),
    "vocab": ("vocab_size", "padded_vocab_size"),
    "positions": ("max_position_embeddings", "n_positions", "max_seq_len", "n_ctx"),
    "act": ("hidden_act", "hidden_activation", "activation_function", "activation", "feed_forward_proj"),
    "experts": ("num_local_experts", "num_experts", "n_routed_experts"),
    "experts_per_token": ("num_experts_per_tok", "num_experts_per_token", "moe_topk", "top_k"),
}  # fmt: skip
# What transformers' configuration classes take where a key is absent, as far as it decides memory.
_TYPE_DEFAULTS: dict[str, dict[str, Any]] = {
    "gpt2": {"vocab": 50257, "positions": 1024, "act": "gelu_new", "dropout": 0.1, "tied": True},
    "gpt_neox": {"tied": False}, "opt": {"dropout": 0.1, "act": "relu", "tied": True, "positions": 2048},
    "gemma": {"tied": True, "act": "gelu_pytorch_tanh"}, "gemma2": {"tied": True, "act": "gelu_pytorch_tanh"},
    "gemma3_text": {"tied": True, "act": "gelu_pytorch_tanh"}, "bloom": {"tied": True, "act": "gelu"},
    "falcon": {"tied": True, "act": "gelu"}, "phi": {"tied": False, "act": "gelu_new"},
    "bert": {"vocab": 30522, "positions": 512, "act": "gelu", "dropout": 0.1, "tied": True},
    "roberta": {"vocab": 50265, "positions": 514, "act": "gelu", "dropout": 0.1, "tied": True},
    "xlm-roberta": {"vocab": 250002, "positions": 514, "act": "gelu", "dropout": 0.1, "tied": True},
    "deberta-v2": {"vocab": 128100, "positions": 512, "act": "gelu", "dropout": 0.1, "tied": True},
    "distilbert": {"hidden": 768, "layers": 6, "heads": 12, "ffn": 3072, "vocab": 30522, "positions": 512, "act": "gelu",
                   "dropout": 0.1, "tied": True},
    "t5": {"vocab": 32128, "act": "relu", "dropout": 0.1, "tied": True}, "bart": {"act": "gelu", "dropout": 0.1, "tied": True},
    "mt5": {"act": "gelu_new", "dropout": 0.1}, "umt5": {"act": "gelu_new", "dropout": 0.1}, "nemotron": {"act": "relu2"},
    "gptj": {"act": "gelu_new", "tied": False}, "codegen": {"act": "gelu_new", "tied": False},
    "gpt_neo": {"act": "gelu_new", "tied": True, "positions": 2048},
    "arcee": {"act": "relu2"}, "starcoder2": {"act": "gelu_pytorch_tanh", "tied": True},
    "whisper": {"act": "gelu", "dropout": 0.0, "tied": True, "positions": 448},
    "modernbert": {"hidden": 768, "layers": 22, "heads": 12, "ffn": 1152, "vocab": 50368, "act": "gelu", "tied": True},
    "vit": {"act": "gelu"}, "dinov2": {"act": "gelu"},
    "clip_text_model": {"vocab": 49408, "positions": 77, "act": "quick_gelu", "hidden": 512, "ffn": 2048, "layers": 12, "heads": 8},
    "clip_vision_model": {"act": "quick_gelu"},
    "siglip_text_model": {"vocab": 32000, "positions": 64, "act": "gelu_pytorch_tanh"},
    "siglip_vision_model": {"act": "gelu_pytorch_tanh"}, "idefics3_vision": {"act": "gelu_pytorch_tanh"},
    "qwen3_vl": {"act": "gelu_pytorch_tanh"}, "qwen3_vl_moe": {"act": "gelu_pytorch_tanh"},
    "smolvlm_vision": {"act": "gelu_pytorch_tanh"},
}  # fmt: skip
_SAME_CODE = {"kimi_k2": "deepseek_v3"}
_GATED_BY_DEFAULT = frozenset({
    "llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text", "phi3", "olmo", "olmo2", "olmo3", "mixtral", "olmoe",
    "qwen3_moe", "exaone4", "glm", "glm4", "qwen2_moe", "qwen2_vl_text", "qwen2_5_vl_text", "deepseek_v2", "deepseek_v3",
    "qwen3_vl_text", "qwen3_vl_moe_text",
})  # fmt: skip


class Tower(Struct, frozen=True, eq=False):
    """A stack of equal layers. Sizes are element counts; `raw` keeps the configuration for rarer keys.

    Attributes:
        kind: the model_type, which names the layer's code. act: activation function.
        ffn: intermediate size of the dense MLP (of one expert where there are experts: `expert_ffn`).
        dropout: of hidden states, attention_dropout: of attention weights.
    """

    kind: str
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    vocab: int
    tied: bool
    act: str
    positions: int
    dropout: float
    attention_dropout: float
    experts: int
    experts_per_token: int
    expert_ffn: int
    raw: Mapping[str, Any]

    def get(self, name: str, default: Any = None) -> Any:
        value = self.raw.get(name)
        return default if value is None else value


class Architecture(Struct, frozen=True, eq=False):
    """A model: its text tower, and a vision tower where it sees.

    Attributes:
        family: which code of `advisor.estimate.models` runs it.
        name: the class in Hugging Face terms, or the model_type.
        raw: the whole configuration.
    """

    family: str
    name: str
    text: Tower
    vision: Tower | None
    raw: Mapping[str, Any]

    def get(self, name: str, default: Any = None) -> Any:
        value = self.raw.get(name)
        return default if value is None else value


def _first(config: Mapping[str, Any], key: str) -> Any:
    for name in _SPELLINGS[key]:
        value = config.get(name)
        if value is not None and not isinstance(value, list | dict | str if key != "act" else list | dict):
            return value
    return None


def tower(config: Mapping[str, Any], kind: str = "", *, tied: bool | None = None) -> Tower:
    """The tower that `config` describes; `kind` overrides its model_type, `tied` its tie_word_embeddings."""
    kind = kind or str(config.get("model_type", "")) or "llama"
    kind = _SAME_CODE.get(kind, kind)
    default = _TYPE_DEFAULTS.get(kind, {})

    def pick(key: str, fallback: Any) -> Any:
        value = _first(config, key)
        return value if value is not None else default.get(key, fallback)

    hidden = int(pick("hidden", 768))
    heads = int(pick("heads", max(1, hidden // 64)))
    kv = (
        1
        if config.get("multi_query") and not config.get("new_decoder_architecture")
        else int(pick("kv_heads", heads) or heads)
    )
    size = int(config.get("head_dim") or config.get("d_kv") or hidden // heads)
    ratio = float(config.get("mlp_ratio") or 4)
    dropouts = [
        config.get(name) for name in ("hidden_dropout_prob", "resid_pdrop", "dropout", "dropout_rate", "hidden_dropout")
    ]
    drop = next((float(x) for x in dropouts if isinstance(x, int | float)), float(default.get("dropout", 0.0)))
    drops = [config.get(name) for name in ("attention_probs_dropout_prob", "attn_pdrop", "attention_dropout")]
    attention = next((float(x) for x in drops if isinstance(x, int | float)), drop if kind in _SAME_DROPOUT else 0.0)
    stated = config.get("tie_word_embeddings")
    tie = bool(stated) if stated is not None else bool(default.get("tied", False))
    ffn = int(pick("ffn", 0) or ratio * hidden)
    return Tower(
        kind=kind, hidden=hidden, layers=int(pick("layers", 12)), heads=heads, kv_heads=kv, head_dim=size, ffn=ffn,
        vocab=int(pick("vocab", 32000)), tied=tie if tied is None else tied,
        act=str(pick("act", "silu" if kind in _GATED_BY_DEFAULT else "gelu")), positions=int(pick("positions", 2048)), dropout=drop,
        attention_dropout=attention, experts=int(pick("experts", 0) or 0), experts_per_token=int(pick("experts_per_token", 2) or 2),
        expert_ffn=int(config.get("moe_intermediate_size") or ffn), raw=config,
    )  # fmt: skip


_SAME_DROPOUT = frozenset({"bert", "roberta", "deberta-v2", "distilbert", "gpt2", "t5", "xlm-roberta", "electra"})
# model_type of the whole, or of its text part -> the code that runs it; what is absent runs as a Llama.
_FAMILIES = {
    "gpt2": "gpt2", "gpt_neo": "gpt2", "gptj": "phi", "codegen": "phi",
    "gpt_neox": "gpt_neox", "opt": "opt", "phi": "phi", "bloom": "bloom", "falcon": "falcon",
    "bert": "bert", "roberta": "bert", "xlm-roberta": "bert", "camembert": "bert", "electra": "bert", "distilbert": "bert",
    "deberta-v2": "deberta", "deberta": "deberta", "t5": "t5", "mt5": "t5", "umt5": "t5", "bart": "bart", "mbart": "bart",
    "pegasus": "bart", "marian": "bart", "m2m_100": "bart", "whisper": "whisper", "vit": "vit", "deit": "vit", "beit": "vit",
    "dinov2": "vit", "swin": "swin", "convnext": "convnext", "resnet": "resnet", "clip": "clip", "siglip": "clip",
    "modernbert": "modernbert", "clip_text_model": "clip", "siglip_text_model": "clip",
}  # fmt: skip
_VLM = {
    "llava": "llava", "paligemma": "paligemma", "qwen2_vl": "qwen_vl", "qwen2_vl_text": "qwen_vl",
    "qwen2_5_vl": "qwen_vl", "qwen2_5_vl_text": "qwen_vl", "smolvlm": "idefics", "idefics3": "idefics",
    "nano_vlm": "nano_vlm", "nanovlm": "nano_vlm", "qwen3_vl": "qwen3_vl", "qwen3_vl_text": "qwen3_vl", "qwen3_vl_moe": "qwen3_vl",
    "qwen3_vl_moe_text": "qwen3_vl", "gemma3": "gemma3",
}  # fmt: skip
# Kinds that no code of `advisor.estimate.models` runs: recurrent, state-space, or built in ways of their own.
_OTHER = frozenset({
    "mamba", "mamba2", "falcon_mamba", "jamba", "rwkv", "deepseek_v32", "minicpm3",
    "recurrent_gemma", "zamba", "zamba2", "nemotron_h", "qwen3_next", "llama4", "gpt_oss", "dbrx", "granitemoehybrid", "lfm2",
    "wav2vec2", "hubert", "seamless_m4t", "blip", "detr", "albert",
     "segformer", "sam", "mask2former", "convnext", "resnet", "swin",
})  # fmt: skip
_CLASSES = (
    ("Llava", "llava"), ("PaliGemma", "paligemma"), ("Qwen2VL", "qwen_vl"), ("Qwen2_5_VL", "qwen_vl"), ("Qwen3VL", "qwen3_vl"),
    ("Gemma3ForConditional", "gemma3"), ("SmolVLM", "idefics"),
    ("Idefics3", "idefics"), ("nano_vlm", "nano_vlm"), ("NanoVLM", "nano_vlm"), ("CLIPModel", "clip"), ("SiglipModel", "clip"),
)  # fmt: skip


def _family(config: Mapping[str, Any], name: str) -> str:
    for prefix, family in _CLASSES:
        if name.startswith(prefix):
            return family
    kind = str(config.get("model_type", ""))
    if ("vision_config" in config or "vision" in config) and kind not in ("clip", "siglip"):
        return _VLM.get(kind, "other")
    if kind in _OTHER:
        return "other"
    return _FAMILIES.get(kind, _VLM.get(kind, "decoder"))


_known: dict[str, Architecture] = {}
_KEPT = 2048


def architecture(config: Mapping[str, Any]) -> Architecture:
    """The architecture that a config.json describes; equal configurations give the same object."""
    key = repr(config)
    found = _known.get(key)
    if found is None:
        if len(_known) >= _KEPT:
            _known.clear()
        found = _known[key] = _architecture(json.loads(json.dumps(config, default=str)))
    return found


def _architecture(config: dict[str, Any]) -> Architecture:
    names = config.get("architectures") or []
    name = str(names[0]) if names else str(config.get("model_type", ""))
    family = _family(config, name)
    inner = config.get("text_config") or config.get("llm_config")
    if isinstance(inner, Mapping) and inner:
        merged = {key: value for key, value in config.items() if key not in ("text_config", "vision_config")}
        outer_kind = str(config.get("model_type", ""))
        if family == "clip":
            outer_kind = "siglip_text_model" if "siglip" in f"{name} {outer_kind}".lower() else "clip_text_model"
        kind = str(inner.get("model_type") or (outer_kind if outer_kind not in _VLM or "_text" in outer_kind else ""))
        stated = config.get("tie_word_embeddings")
        tied = bool(stated) if stated is not None else None
        text_tower = tower({**merged, **inner, "model_type": kind or _text_kind(family)}, tied=tied)
    else:
        text_tower = tower(config)
    vision = config.get("vision_config") or config.get("vision")
    eyes = (
        tower(vision, _vision_kind(family, vision, f"{name} {config.get('model_type', '')}"))
        if isinstance(vision, Mapping) and vision
        else None
    )
    return Architecture(family, name, text_tower, eyes, config)


def _text_kind(family: str) -> str:
    return {
        "paligemma": "gemma",
        "qwen_vl": "qwen2_vl_text",
        "qwen3_vl": "qwen3_vl_text",
        "clip": "clip_text_model",
    }.get(family, "llama")


def _vision_kind(family: str, vision: Mapping[str, Any], name: str) -> str:
    stated = str(vision.get("model_type", ""))
    if stated:
        return stated
    if family == "qwen_vl":
        return "qwen2_5_vl" if "out_hidden_size" in vision else "qwen2_vl"
    if family == "clip" and "siglip" in name.lower():
        return "siglip_vision_model"
    return {"llava": "clip_vision_model", "clip": "clip_vision_model", "qwen3_vl": "qwen3_vl"}.get(
        family, "siglip_vision_model"
    )
