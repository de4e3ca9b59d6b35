"""The key/value cache of a decoder: per token, per sequence, in blocks, and the share of the card that a server takes for it."""

from __future__ import annotations

import math

from msgspec import Struct

CACHE_BYTES = {
    "fp32": 4.0, "fp16": 2.0, "bf16": 2.0, "auto": 2.0,
    "fp8": 1.0, "fp8_e4m3": 1.0, "fp8_e5m2": 1.0, "int8": 1.0,
    "q8_0": 34 / 32, "q5_1": 24 / 32, "q5_0": 22 / 32, "q4_1": 20 / 32, "q4_0": 18 / 32, "iq4_nl": 18 / 32,
    "int4": 0.5 + 4 / 64, "nf4": 0.5 + 4 / 64,
}  # fmt: skip
"""Bytes of one cached number. llama.cpp's block types: 32 numbers with one or two fp16 scales (ggml-common.h)."""


class CacheShape(Struct, frozen=True):
    """What one token leaves in the cache of each layer.

    Attributes:
        layers: decoder layers that keep a cache.
        kv_heads, head_dim: of keys and values; 0 heads for latent attention.
        latent: numbers of the compressed latent and its rope part (MLA: kv_lora_rank + qk_rope_head_dim), 0 without.
        window: sliding window in tokens, 0 = none.
        windowed_layers: layers that only look back over the window.
    """

    layers: int
    kv_heads: int
    head_dim: int
    latent: int = 0
    window: int = 0
    windowed_layers: int = 0

    def numbers(self) -> float:
        """Numbers per token and layer: 2 * kv_heads * head_dim, or the latent (DeepSeek-V2, arXiv 2405.04434, section 2.1)."""
        return float(self.latent or 2 * self.kv_heads * self.head_dim)


def cache_bytes(shape: CacheShape, tokens: float, sequences: float = 1.0, element: float = 2.0) -> float:
    """Bytes of the cache: element * numbers * sum over layers of min(tokens, window) * sequences."""
    full = shape.layers - (shape.windowed_layers if shape.window else 0)
    short = shape.layers - full
    kept = full * tokens + short * min(tokens, shape.window or tokens)
    return element * shape.numbers() * kept * sequences


def paged_tokens(tokens: float, block: int = 16) -> int:
    """Tokens rounded up to whole blocks of a paged cache (vLLM: 16)."""
    return math.ceil(tokens / block) * block


SERVER_SHARE = {"vllm": 0.9, "sglang": 0.88, "tgi": 0.95, "lmdeploy": 0.8, "tensorrt": 0.9}
"""Share of the card that a server takes unless told: vLLM gpu_memory_utilization 0.9 (all of the process' memory),
SGLang mem_fraction_static about 0.88 (weights and cache), TGI all that is free but 5 %,
LMDeploy and TensorRT-LLM: of what the weights leave.
https://docs.vllm.ai/en/latest/configuration/engine_args.html, https://docs.sglang.ai/advanced_features/server_arguments.html,
https://huggingface.co/docs/text-generation-inference/reference/launcher, https://lmdeploy.readthedocs.io"""

_OF_WHAT_IS_FREE = ("lmdeploy", "tensorrt")


class ServerMemory(Struct, frozen=True):
    """How a server fills its card, bytes: `cache` is what is left for keys and values, `held` what nvidia-smi shows."""

    cache: float
    held: float
    tokens: float
    fits: bool


def server_memory(
    server: str,
    share: float,
    capacity: float,
    weights: float,
    activations: float,
    graphs: float,
    context: float,
    per_token: float,
) -> ServerMemory:
    """What a server with a share of the card does with it.

    vLLM:      cache = share * capacity - weights - activations - context; CUDA graphs come on top of it.
    SGLang:    cache = share * capacity - weights; activations, graphs and context come on top.
    TGI:       as vLLM.
    LMDeploy, TensorRT-LLM: cache = share * (capacity - weights - activations - context).

    Args:
        share: fraction of the card. capacity, weights, activations, graphs, context: bytes. per_token: cache bytes of a token.
    """
    if server in _OF_WHAT_IS_FREE:
        cache = share * (capacity - weights - activations - context)
        held = weights + activations + context + graphs + max(cache, 0.0)
    elif server == "sglang":
        cache = share * capacity - weights
        held = max(share * capacity, weights) + activations + graphs + context
    else:
        cache = share * capacity - weights - activations - context
        held = max(share * capacity, weights + activations + context) + graphs
    return ServerMemory(max(cache, 0.0), held, max(cache, 0.0) / per_token if per_token else 0.0, cache > 0)


def cuda_graph_bytes(layers: int, hidden: int, max_batch: int) -> float:
    """Private pools of captured decode graphs.

    Each captured batch size keeps its inputs and outputs of the largest graph, and about 10 MiB of kernel nodes for every
    32 layers; servers capture some 35 sizes up to 256 (vLLM) which share one pool:
    https://docs.vllm.ai/en/latest/design/cuda_graphs.html.
    """
    if max_batch <= 0:
        return 0.0
    sizes = 4 + max_batch // 8
    return sizes * 10 * 2**20 * layers / 32 + 24.0 * max_batch * hidden
