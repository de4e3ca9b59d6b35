"""Which tensor the failed allocation was: its size against the sizes that the run would ask for.

PyTorch prints the segment that it asked the driver for: 20 MiB for a tensor of 1 to 10 MiB, above that the size rounded
up to 2 MiB (`get_allocation_size` in c10/cuda/CUDACachingAllocator.cpp), with two decimals of the largest fitting unit. So
a tensor is a candidate when its size lies in a window of 2 MiB, wider by the printed decimals; the confidence weighs how
narrow the window is against how many sizes one would hit by chance.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from advisor.facts import FactValue
from advisor.units import GIB

MIN_GIB = 21 / 1024  # a request of 20 MiB stands for anything from 1 to 10 MiB
_ROUNDING_GIB = 2 / 1024  # PyTorch asks for multiples of 2 MiB
_ROUNDING_RUNTIMES = frozenset({"pytorch", "rocm", "xpu", "vllm", "sglang"})
MAX_CANDIDATES = 5
# Lengths and batches that people set: multiples of it are believed more than others.
_NICE_LENGTH = 64
_LIKELY = 0.6
_TELLING = 0.2  # a fit below this says little, however few the rivals
_CHANCE = 0.15  # the request is a tensor that is not in the list, before the size is looked at


class Tensor(Struct, frozen=True):
    """A tensor that a run allocates: bytes = bytes_per_unit * batch**b * seq_len**s.

    Attributes:
        id: logits, attention_scores, mlp_activation, hidden_states, embedding, layer_weight, flat_states, kv_cache.
        formula: the product in symbols.
        unit: bytes for one sample and one token.
        b, s: powers of batch size and sequence length.
        prior: how often this is what a run fails on, relative to the others.
        hints: words of the traceback that point to it.
    """

    id: str
    formula: str
    unit: float
    b: int
    s: int
    prior: float
    hints: tuple[str, ...] = ()


class Match(Struct, frozen=True):
    """A tensor that the request fits, how sure that is, and the facts that follow from it."""

    tensor: Tensor
    confidence: float
    solved: Mapping[str, FactValue]


def tensors(config: Mapping[str, Any], facts: Mapping[str, FactValue]) -> Iterator[Tensor]:
    """The large tensors of a decoder or encoder with this Hugging Face config (nested `text_config` is looked into)."""
    config = config.get("text_config") or config
    hidden, layers = (
        _int(config, "hidden_size", "n_embd", "d_model"),
        _int(config, "num_hidden_layers", "n_layer", "num_layers"),
    )
    heads, vocab = _int(config, "num_attention_heads", "n_head", "num_heads"), _int(config, "vocab_size")
    inner = _int(config, "intermediate_size", "d_ff", "n_inner") or 4 * hidden
    kv_heads = _int(config, "num_key_value_heads") or heads
    head = _int(config, "head_dim") or (hidden // heads if heads else 0)
    training = facts.get("task") != "inference"
    hints: tuple[str, ...]
    for size, name in ((2, "2"), (4, "4")):
        if vocab:
            hints = ("cross_entropy", "logits", "lm_head", "log_softmax", "logprob", "loss_function")
            # Losses work on 4 bytes, whatever the model's own format is.
            prior = 3.0 if size == 4 else 1.8
            yield Tensor("logits", f"batch x seq x vocab x {name} bytes", vocab * size, 1, 1, prior, hints)
        if heads:
            hints = ("softmax", "attn_weights", "eager_attention", "baddbmm", "attention_scores")
            prior = 0.3 if facts.get("flash_attention") is True else 1.5
            prior *= 0.6 if (size == 4) != (facts.get("precision") == "fp32") else 1.0
            yield Tensor("attention_scores", f"batch x heads x seq^2 x {name} bytes", heads * size, 1, 2, prior, hints)
        if inner:
            hints = ("mlp", "gate_proj", "up_proj", "down_proj", "act_fn", "feed_forward", "gelu", "silu")
            yield Tensor("mlp_activation", f"batch x seq x intermediate x {name} bytes", inner * size, 1, 1, 1.5, hints)
        if hidden:
            hints = ("layernorm", "rmsnorm", "norm", "residual", "hidden_states", "dropout")
            yield Tensor("hidden_states", f"batch x seq x hidden x {name} bytes", hidden * size, 1, 1, 1.0, hints)
        if hidden and vocab:
            prior = 0.8 if training else 0.6
            yield Tensor(
                "embedding",
                f"vocab x hidden x {name} bytes",
                vocab * hidden * size,
                0,
                0,
                prior,
                ("embed", "lm_head", "to(", "load"),
            )
        if hidden and inner:
            hints = ("from_pretrained", "load", "to(", "convert", "_apply", "materialize")
            yield Tensor(
                "layer_weight", f"hidden x intermediate x {name} bytes", hidden * inner * size, 0, 0, 1.0, hints
            )
        if kv_heads and head and layers and not training:
            unit = 2 * layers * kv_heads * head * size
            hints = ("kv_cache", "cache_utils", "past_key_value", "allocate_kv")
            yield Tensor(
                "kv_cache", f"2 x layers x kv_heads x head_dim x batch x seq x {name} bytes", unit, 1, 1, 0.6, hints
            )
        params = facts.get("trainable_params") or (float(facts.get("params_b", 0) or 0) * 1e9)  # type: ignore[arg-type]
        gpus = int(facts.get("gpu_count", 1) or 1)  # type: ignore[arg-type]
        if training and isinstance(params, int | float) and params > 1e8 and facts.get("zero_stage") in (1, 2, 3):
            hints = (
                "initialize_optimizer_states",
                "stage_1_and_2",
                "stage3",
                "flatten",
                "fp32_partitioned",
                "zeros_like",
            )
            yield Tensor("flat_states", f"parameters / {gpus} x {name} bytes", params / gpus * size, 0, 0, 1.2, hints)


def _int(config: Mapping[str, Any], *names: str) -> int:
    for name in names:
        value = config.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return 0


def window(request_gib: float, *, rounded: bool = True) -> tuple[float, float]:
    """From the smallest to the largest tensor, in GiB, that a printed request can stand for.

    Args:
        rounded: the runtime asks for multiples of 2 MiB, as PyTorch does.

    >>> [round(gib * 1024, 3) for gib in window(130 / 1024)]
    [127.995, 130.005]
    """
    decimals = 0.005 if request_gib >= 1 else 0.005 / 1024
    return request_gib - decimals - (_ROUNDING_GIB if rounded else 0.0), request_gib + decimals


def explain_request(
    request_gib: float, config: Mapping[str, Any], facts: Mapping[str, FactValue], context: str = ""
) -> tuple[Match, ...]:
    """What the failed allocation was, the likeliest first; empty when nothing fits or the request is too small to tell.

    Args:
        request_gib: the allocation that failed, in GiB.
        config: the model in the terms of Hugging Face's config.json.
        facts: `batch_size` and `seq_len` where known; an unknown one is solved for.
        context: lower-case text of the traceback; words of it raise the tensors that they point to.
    """
    if request_gib < MIN_GIB:
        return ()
    scored: list[tuple[float, float, Tensor, dict[str, FactValue]]] = []
    for tensor in tensors(config, facts):
        weight, solved = _fit(tensor, request_gib, facts)
        if weight <= 0:
            continue
        hinted = 3 if any(hint in context for hint in tensor.hints) else 1
        scored.append((weight * hinted * tensor.prior, weight, tensor, solved))
    total = sum(weight for weight, _, _, _ in scored)
    if not total:
        return ()
    found = [
        Match(tensor, weight / (total + _CHANCE) * min(1.0, fit / _TELLING), solved)
        for weight, fit, tensor, solved in scored
    ]
    best = [
        _merged([match for match in found if match.tensor.id == name]) for name in {item.tensor.id for item in found}
    ]
    best.sort(key=lambda match: (-match.confidence, match.tensor.id))
    return tuple(best[:MAX_CANDIDATES])


def _merged(matches: Sequence[Match]) -> Match:
    """One tensor in its number formats: as sure as all of them together; what it solves for only where one format is the likely one."""
    matches = sorted(matches, key=lambda match: -match.confidence)
    total = sum(match.confidence for match in matches)
    first = matches[0]
    agreed = all(match.solved == first.solved for match in matches)
    return Match(first.tensor, total, first.solved if agreed or first.confidence >= _LIKELY * total else {})


def _fit(tensor: Tensor, request_gib: float, facts: Mapping[str, FactValue]) -> tuple[float, dict[str, FactValue]]:
    """How well the request fits (0 = not at all; a narrow window that is hit counts most), and what it solves for."""
    rounded = facts.get("runtime", "pytorch") in _ROUNDING_RUNTIMES
    low, high = (gib * GIB for gib in window(request_gib, rounded=rounded))
    batch, length = _number(facts, "batch_size"), _number(facts, "seq_len")
    if (tensor.b == 0 or batch) and (tensor.s == 0 or length):
        size = tensor.unit * (batch or 1) ** tensor.b * (length or 1) ** tensor.s
        # The last token's logits are dropped by some losses: one token less fits as well.
        less = tensor.unit * (batch or 1) ** tensor.b * max(1, (length or 1) - 1) ** tensor.s if tensor.s else size
        return (1.0, {}) if low <= size <= high or low <= less <= high else (0.0, {})
    if tensor.s and batch and not length:
        return _solve(low, high, tensor.unit * batch**tensor.b, tensor.s, "seq_len", _NICE_LENGTH)
    if tensor.b and length and not batch and tensor.b == 1:
        return _solve(low, high, tensor.unit * length**tensor.s, 1, "batch_size", 1)
    if tensor.b and tensor.s and not batch and not length:
        # Only the product is known: a batch of one is tried, and believed little.
        weight, _ = _solve(low, high, tensor.unit, tensor.s, "seq_len", 256)
        return weight * 0.04, {}
    return 0.0, {}


def _solve(
    low: float, high: float, unit: float, power: int, fact: str, nice: int
) -> tuple[float, dict[str, FactValue]]:
    """A whole number n with low <= unit * n**power <= high; multiples of `nice` are believed, others hardly."""
    first, last = math.ceil((low / unit) ** (1 / power) - 1e-9), math.floor((high / unit) ** (1 / power) + 1e-9)
    limit = 2**21 if fact == "seq_len" else 4096
    if first > last or last < 1 or first > limit:
        return 0.0, {}
    candidates: Sequence[int] = [n for n in range(-(-first // nice) * nice, last + 1, nice) if n >= 1]
    if len(candidates) == 1:
        # By chance a multiple of `nice` lies in a window of this width that often:
        chance = min(1.0, max((last - first + 1) / nice if nice > 1 else 0.0, (high - low) / (unit * nice**power)))
        return 0.6 * (1 - chance) * _niceness(candidates[0], fact) + 0.02, {fact: candidates[0]}
    if candidates:
        return 0.05, {}
    return (0.03, {fact: first}) if first == last else (0.01, {})


def _niceness(value: int, fact: str) -> float:
    """How much a solved number is believed: people set powers of two and round lengths."""
    if value & (value - 1) == 0:
        return 1.0
    if fact == "batch_size":
        return 0.8 if value <= 64 else 0.3
    return 0.9 if value % 1024 == 0 else 0.6 if value % 256 == 0 else 0.25


def _number(facts: Mapping[str, FactValue], name: str) -> int:
    value = facts.get(name)
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0
