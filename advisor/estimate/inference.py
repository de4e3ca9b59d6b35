"""Memory of running a decoder: weights on the device, prefill, decoding, and what each engine adds.

Everything is in bytes; `e` is the bytes of one activation. Sizes of one token: h hidden, f intermediate, v vocabulary.
"""

from __future__ import annotations

from msgspec import Struct

from advisor.estimate.kv_cache import CacheShape, cache_bytes


class Decoder(Struct, frozen=True):
    """The sizes that inference needs.

    Attributes:
        heads: query heads. ffn: intermediate size (of the active experts together). gated: SwiGLU or GeGLU.
        vocab: rows of the output head. largest_linear: weights of the largest linear layer.
        fused_qkv: weights of the query, key and value projections of all layers.
    """

    hidden: int
    layers: int
    heads: int
    ffn: int
    gated: bool
    vocab: int
    cache: CacheShape
    largest_linear: float = 0.0
    qkv_weights: float = 0.0


class Engine(Struct, frozen=True):
    """How the program keeps its cache and its logits.

    Attributes:
        cache_copies: 2 where each step builds the whole cache anew beside the old one (tuple caches), else 1.
        logits_all: logits of every prompt token are computed, in fp32 after the half-precision product.
        eager_scores: bytes of each attention score that are live at once, 0 with a fused kernel.
        static_cache: the cache of all tokens is there from the start.
    """

    cache_copies: float = 1.0
    logits_all: bool = False
    eager_scores: float = 0.0
    static_cache: bool = False


MODERN = Engine()
"""Transformers from 4.45: caches grow in place, layer by layer, and only the last token's logits are computed
(num_logits_to_keep, https://github.com/huggingface/transformers/pull/31292)."""

DYNAMIC_CACHE = Engine(logits_all=True)
"""Transformers 4.36 to 4.44: caches grow in place, but a prompt's logits are all computed and upcast to fp32."""

TUPLE_CACHE = Engine(cache_copies=2.0, logits_all=True)
"""Transformers before 4.36, and models with their own code of that time: `past_key_values` is a tuple that generate() holds while
the next forward pass concatenates a new one (https://github.com/huggingface/transformers/pull/26681 ended that)."""

FUSED_AWQ = Engine(logits_all=True, eager_scores=10.0, static_cache=True)
"""AutoAWQ's fused modules (0.1): scores in fp16, their fp32 copy and the fp32 softmax are live at once, the cache is allocated for
max_new_tokens (https://github.com/casper-hansen/AutoAWQ/blob/v0.1.6/awq/modules/fused/attn.py)."""

EAGER_SCORES = 8.0
"""Transformers' eager attention in half precision: scores (2), their fp32 softmax (4), its half-precision copy (2)."""


def mlp_bytes(model: Decoder, tokens: float, e: float) -> float:
    """The feed-forward of one layer over `tokens`: e * tokens * (4 h + (3 if gated else 2) f).

    Live at the product: the input embeddings, the layer's input, the residual and its norm (4 h); gate, up and product (3 f).
    """
    return e * tokens * (4 * model.hidden + (3 if model.gated else 2) * model.ffn)


def scores_bytes(model: Decoder, batch: float, tokens: float, per_score: float) -> float:
    """Attention scores of one layer: per_score * batch * heads * tokens**2."""
    return per_score * batch * model.heads * tokens * tokens


def logits_bytes(model: Decoder, batch: float, tokens: float, e: float, everything: bool) -> float:
    """Logits and their fp32 copy: (e + 4) * v for each token of the prompt, or of the last one only."""
    return (e + 4.0 if e < 4 else 4.0) * model.vocab * batch * (tokens if everything else 1)


def prefill_bytes(model: Decoder, engine: Engine, batch: float, tokens: float, e: float) -> float:
    """The largest moment of a prompt beyond weights and cache: a feed-forward, a layer's scores, or the logits."""
    held = e * batch * tokens * 2 * model.hidden
    attention = scores_bytes(model, batch, tokens, engine.eager_scores) + 4 * e * batch * tokens * model.hidden
    head = logits_bytes(model, batch, tokens, e, engine.logits_all) + held
    return max(mlp_bytes(model, batch * tokens, e), attention if engine.eager_scores else 0.0, head)


class Generation(Struct, frozen=True):
    """Peaks of one generation beyond the weights, bytes: (activations, cache) of each phase."""

    prefill: tuple[float, float]
    decode: tuple[float, float]

    @property
    def peak(self) -> tuple[str, float, float]:
        """The phase of the peak, its activations and its cache."""
        if sum(self.prefill) >= sum(self.decode):
            return "prefill", *self.prefill
        return "decode", *self.decode


def generation_bytes(
    model: Decoder, engine: Engine, batch: float, prompt: float, new: float, e: float, cache_element: float = 2.0
) -> Generation:
    """Peaks of a prompt of `prompt` tokens followed by `new` generated ones, for `batch` sequences.

    prefill: cache of the prompt + the largest moment of a layer or the head
    decode:  copies * cache of everything + the logits of one token + one layer's cache, which is concatenated anew
    """
    per_layer = cache_bytes(model.cache, prompt + new, batch, cache_element) / max(model.cache.layers, 1)
    whole = cache_bytes(model.cache, prompt + new, batch, cache_element)
    prompt_cache = whole if engine.static_cache else cache_bytes(model.cache, prompt, batch, cache_element)
    one_token = mlp_bytes(model, batch, e) + logits_bytes(model, batch, 1, e, False)
    copied = 0.0 if engine.static_cache else per_layer
    return Generation(
        (prefill_bytes(model, engine, batch, prompt, e), prompt_cache),
        (one_token + copied, whole * (engine.cache_copies if new > 1 else 1.0)),
    )


def dequantised_layer(format_name: str, largest_linear: float) -> float:
    """Scratch for one dequantised layer, bytes: GPTQ's 4-bit kernels and AWQ's long prompts unpack the largest one to fp16.

    https://github.com/AutoGPTQ/AutoGPTQ/blob/v0.7.1/auto_gptq/modeling/_utils.py (temp_dq)
    """
    return 2.0 * largest_linear if format_name == "gptq4" else 0.0
