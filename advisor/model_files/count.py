"""The number of weights that a configuration implies, for structures that are no plain decoder: two stacks, encoders, vision towers.

Matrices and embeddings are counted; biases and norms (under 1 %) are not. h = width, f = feed-forward, l = layers, v = vocabulary:
an encoder's layer has 4 h**2 + 2 h f, a decoder's 8 h**2 + 2 h f with cross-attention, an embedding v h.
https://github.com/huggingface/transformers/tree/main/src/transformers/models has each structure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_T5 = frozenset({"t5", "mt5", "umt5"})
_BART = frozenset({"bart", "mbart", "pegasus", "m2m_100", "marian", "whisper", "blenderbot", "nllb-moe"})
TWO_STACKS = _T5 | _BART
_TOWERS = frozenset(
    {"vit", "deit", "beit", "dinov2", "dinov3_vit", "videomae", "wav2vec2", "hubert", "wavlm", "vjepa2"}
)
_PAIRS = frozenset({"clip", "siglip", "siglip2"})
_ENCODERS = frozenset(
    {"bert", "roberta", "xlm-roberta", "xlm-roberta-xl", "electra", "albert", "esm", "mpnet", "camembert", "distilbert"}
)
_SPEECH_FRONT = {"wav2vec2", "hubert", "wavlm"}


def weights_of(arch: Mapping[str, Any]) -> float:
    """Weights of the model that `arch` describes; 0.0 where its structure is none of these."""
    kind = str(arch.get("model_type") or "")
    if kind in _T5:
        return _t5(arch)
    if kind in _BART:
        return _bart(arch, kind)
    if kind in _TOWERS:
        return _stack(arch) + _front(arch, kind)
    if kind in _PAIRS:
        return sum(
            _stack(part) + _front(part, "vit")
            for name in ("vision_config", "text_config")
            if isinstance(part := arch.get(name), Mapping)
        )
    if kind in _ENCODERS:
        narrow = _number(arch, "embedding_size") or _number(arch, "hidden_size")
        shared = (
            (_number(arch, "num_hidden_groups") or 1.0) / max(1.0, _number(arch, "num_hidden_layers"))
            if kind == "albert"
            else 1.0
        )
        positions = _number(arch, "max_position_embeddings")
        return shared * _stack(arch) + (_number(arch, "vocab_size") + positions) * narrow
    return 0.0


def _number(arch: Mapping[str, Any], *names: str) -> float:
    for name in names:
        value = arch.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    return 0.0


def _stack(arch: Mapping[str, Any]) -> float:
    """l (4 h**2 + 2 h f)."""
    hidden = _number(arch, "hidden_size")
    ffn = _number(arch, "intermediate_size", "mlp_dim") or hidden * (_number(arch, "mlp_ratio") or 4.0)
    return _number(arch, "num_hidden_layers") * (4 * hidden * hidden + 2 * hidden * ffn)


def _front(arch: Mapping[str, Any], kind: str) -> float:
    """What turns patches, tokens or sound into vectors."""
    hidden = _number(arch, "hidden_size")
    if kind in _SPEECH_FRONT:
        return (
            4.2e6 + hidden * 512 + hidden * hidden / 16 * 128
        )  # seven convolutions of 512, a projection, a grouped convolution of 128
    patch = _number(arch, "patch_size") or (0.0 if "vocab_size" in arch else 16.0)
    return hidden * (3 * patch * patch * (_number(arch, "tubelet_size") or 1.0) + _number(arch, "vocab_size"))


def _t5(arch: Mapping[str, Any]) -> float:
    hidden, ffn = _number(arch, "d_model", "hidden_size"), _number(arch, "d_ff", "intermediate_size")
    inner = _number(arch, "num_heads", "num_attention_heads") * (_number(arch, "d_kv") or 64.0)
    feed = (3 if "gated" in str(arch.get("feed_forward_proj", "")) else 2) * hidden * ffn
    layers = _number(arch, "num_layers", "num_hidden_layers")
    below = _number(arch, "num_decoder_layers") or layers
    embedding = _number(arch, "vocab_size") * hidden * (2 if arch.get("tie_word_embeddings") is False else 1)
    return layers * (4 * hidden * inner + feed) + below * (8 * hidden * inner + feed) + embedding


def _bart(arch: Mapping[str, Any], kind: str) -> float:
    hidden = _number(arch, "d_model", "hidden_size")
    first, second = (
        _number(arch, "encoder_layers", "num_hidden_layers"),
        _number(arch, "decoder_layers", "num_hidden_layers"),
    )
    above = 2 * hidden * _number(arch, "encoder_ffn_dim", "intermediate_size")
    below = 2 * hidden * _number(arch, "decoder_ffn_dim", "intermediate_size")
    positions = _number(arch, "max_position_embeddings") * 2
    front = 0.0
    if kind == "whisper":
        positions = (_number(arch, "max_source_positions") or 1500.0) + (_number(arch, "max_target_positions") or 448.0)
        front = 3 * hidden * ((_number(arch, "num_mel_bins") or 80.0) + hidden)
    elif kind == "m2m_100":
        positions = 0.0  # computed, not stored
    stacks = first * (4 * hidden * hidden + above) + second * (8 * hidden * hidden + below)
    return stacks + (_number(arch, "vocab_size") + positions) * hidden + front
