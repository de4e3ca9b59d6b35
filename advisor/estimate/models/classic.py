"""Decoders with layer norms and plain MLPs: GPT-2, GPT-NeoX (Pythia), OPT, Phi, Falcon and BLOOM."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from advisor.estimate.architecture import Architecture, Tower
from advisor.estimate.models import common
from advisor.estimate.tape import attention, nn, ops
from advisor.estimate.tape.attention import Heads
from advisor.estimate.tape.autograd import checkpoint
from advisor.estimate.tape.linear import linear
from advisor.estimate.tape.tensor import Tape, Tensor

Layer = Callable[..., Tensor]


def _attend(
    tape: Tape,
    t: Tower,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None,
    *,
    fp32: bool = True,
    head_major: bool = False,
) -> Tensor:
    heads = Heads(t.heads, t.kv_heads, t.head_dim)
    if tape.mode.attention == "eager":
        return attention.eager(tape, q, k, v, heads, mask, t.attention_dropout, fp32=fp32)
    return attention.sdpa(tape, q, k, v, heads, mask, t.attention_dropout, head_major=head_major)


def _run(tape: Tape, t: Tower, hidden: Tensor, layer: Layer, **named: Any) -> Tensor:
    for _ in tape.layers("text", t.layers):
        hidden = checkpoint(tape, partial(_call, layer, tape, t=t, **named), hidden)
    return hidden


def _call(layer: Layer, tape: Tape, hidden: Tensor, **named: Any) -> Tensor:
    return layer(tape, hidden, **named)


@ops.module
def _embed(tape: Tape, name: str, entries: float, width: float, rows: str = "BS") -> tuple[Tensor, Tensor]:
    table = tape.param(f"{name}.weight", entries, width)
    return nn.embedding(tape, name, entries, width, rows, table=table), table


@ops.module
def _plain_mlp(tape: Tape, x: Tensor, t: Tower, names: tuple[str, str], bias: bool = True) -> Tensor:
    x = linear(tape, x, names[0], t.hidden, t.ffn, bias)
    x = nn.activation(tape, x, t.act)
    return linear(tape, x, names[1], t.ffn, t.hidden, bias)


# ------------------------------------------------------------------------------------------------ GPT-2
@ops.module
def _gpt2_attention(tape: Tape, hidden: Tensor, t: Tower, mask: Tensor | None) -> Tensor:
    q, k, v = ops.split(tape, linear(tape, hidden, "attn.c_attn", t.hidden, 3 * t.hidden, True), 1 / 3, 1 / 3, 1 / 3)
    out = _attend(tape, t, q, k, v, mask, fp32=False)
    out = linear(tape, out, "attn.c_proj", t.hidden, t.hidden, True)
    return ops.dropout(tape, out, t.dropout)


@ops.module
def _gpt2_mlp(tape: Tape, x: Tensor, t: Tower) -> Tensor:
    x = linear(tape, x, "mlp.c_fc", t.hidden, t.ffn, True)
    x = nn.activation(tape, x, t.act)
    x = linear(tape, x, "mlp.c_proj", t.ffn, t.hidden, True)
    return ops.dropout(tape, x, t.dropout)


@ops.module
def _gpt2_layer(tape: Tape, hidden: Tensor, *, t: Tower, mask: Tensor | None) -> Tensor:
    residual = hidden
    hidden = nn.layer_norm(tape, hidden, "ln_1", t.hidden)
    attended = _gpt2_attention(tape, hidden, t, mask)
    hidden = ops.add(tape, attended, residual)
    residual = hidden
    hidden = nn.layer_norm(tape, hidden, "ln_2", t.hidden)
    forward = _gpt2_mlp(tape, hidden, t)
    return ops.add(tape, residual, forward)


@ops.module
def _gpt2_stack(tape: Tape, t: Tower) -> tuple[Tensor, Tensor]:
    embedded, table = _embed(tape, "wte", t.vocab, t.hidden)
    positions, _ = _embed(tape, "wpe", t.positions, t.hidden, "S")
    hidden = ops.add(tape, embedded, positions)
    mask, _ = common.causal_masks(tape, False, True)
    hidden = ops.dropout(tape, hidden, t.dropout)
    hidden = _run(tape, t, hidden, _gpt2_layer, mask=mask)
    return nn.layer_norm(tape, hidden, "ln_f", t.hidden), table


def gpt2(tape: Tape, arch: Architecture) -> common.Outputs:
    hidden, table = _gpt2_stack(tape, arch.text)
    return common.causal_head(tape, arch.text, hidden, table)


# ------------------------------------------------------------------------------------------------ GPT-NeoX
def _rotary_share(t: Tower, default: float) -> float:
    for name in ("partial_rotary_factor", "rotary_pct"):
        value = t.get(name)
        if value is not None:
            return float(value)
    return default


@ops.module
def _neox_attention(
    tape: Tape, hidden: Tensor, t: Tower, cos: Tensor, sin: Tensor, mask: Tensor | None, bias: bool
) -> Tensor:
    qkv = linear(tape, hidden, "attention.query_key_value", t.hidden, 3 * t.hidden, bias)
    q, k, v = ops.split(tape, qkv, 1 / 3, 1 / 3, 1 / 3)
    q, k = common.partial_rotary(tape, q, k, cos, sin, _rotary_share(t, 0.25))
    out = _attend(tape, t, q, k, v, mask, head_major=_rotary_share(t, 0.25) < 1.0)
    return linear(tape, out, "attention.dense", t.hidden, t.hidden, bias)


@ops.module
def _neox_layer(tape: Tape, hidden: Tensor, *, t: Tower, cos: Tensor, sin: Tensor, mask: Tensor | None) -> Tensor:
    names = ("mlp.dense_h_to_4h", "mlp.dense_4h_to_h")
    bias = bool(t.get("attention_bias", True))
    attended = _neox_attention(tape, nn.layer_norm(tape, hidden, "input_layernorm", t.hidden), t, cos, sin, mask, bias)
    attended = ops.dropout(tape, attended, t.dropout)
    if t.get("use_parallel_residual", True):
        forward = _plain_mlp(tape, nn.layer_norm(tape, hidden, "post_attention_layernorm", t.hidden), t, names)
        forward = ops.dropout(tape, forward, t.dropout)
        return ops.add(tape, ops.add(tape, forward, attended), hidden)
    attended = ops.add(tape, attended, hidden)
    forward = _plain_mlp(tape, nn.layer_norm(tape, attended, "post_attention_layernorm", t.hidden), t, names)
    forward = ops.dropout(tape, forward, t.dropout)
    return ops.add(tape, forward, attended)


@ops.module
def _neox_stack(tape: Tape, t: Tower) -> tuple[Tensor, Tensor]:
    hidden, table = _embed(tape, "embed_in", t.vocab, t.hidden)
    mask, _ = common.causal_masks(tape, False, True)
    hidden = ops.dropout(tape, hidden, t.dropout)
    cos, sin = common.rotary_tables(tape, t.head_dim, hidden.item, dims=t.head_dim * _rotary_share(t, 0.25))
    hidden = _run(tape, t, hidden, _neox_layer, cos=cos, sin=sin, mask=mask)
    return nn.layer_norm(tape, hidden, "final_layer_norm", t.hidden), table


def gpt_neox(tape: Tape, arch: Architecture) -> common.Outputs:
    hidden, table = _neox_stack(tape, arch.text)
    return common.causal_head(tape, arch.text, hidden, table)


# ------------------------------------------------------------------------------------------------ OPT
@ops.module
def _opt_attention(tape: Tape, hidden: Tensor, t: Tower, mask: Tensor | None) -> Tensor:
    q = ops.scale(tape, linear(tape, hidden, "q_proj", t.hidden, t.hidden, True))
    k = linear(tape, hidden, "k_proj", t.hidden, t.hidden, True)
    v = linear(tape, hidden, "v_proj", t.hidden, t.hidden, True)
    out = _attend(tape, t, q, k, v, mask)
    return linear(tape, out, "out_proj", t.hidden, t.hidden, True)


@ops.module
def _opt_layer(tape: Tape, hidden: Tensor, *, t: Tower, mask: Tensor | None) -> Tensor:
    before = bool(t.get("do_layer_norm_before", True))
    residual = hidden
    if before:
        hidden = nn.layer_norm(tape, hidden, "self_attn_layer_norm", t.hidden)
    hidden = _opt_attention(tape, hidden, t, mask)
    hidden = ops.dropout(tape, hidden, t.dropout)
    hidden = ops.add(tape, residual, hidden)
    if not before:
        hidden = nn.layer_norm(tape, hidden, "self_attn_layer_norm", t.hidden)
    residual = hidden
    if before:
        hidden = nn.layer_norm(tape, hidden, "final_layer_norm", t.hidden)
    hidden = linear(tape, hidden, "fc1", t.hidden, t.ffn, True)
    hidden = nn.activation(tape, hidden, t.act)
    hidden = linear(tape, hidden, "fc2", t.ffn, t.hidden, True)
    hidden = ops.dropout(tape, hidden, t.dropout)
    hidden = ops.add(tape, residual, hidden)
    if not before:
        hidden = nn.layer_norm(tape, hidden, "final_layer_norm", t.hidden)
    return hidden


@ops.module
def _opt_stack(tape: Tape, t: Tower) -> tuple[Tensor, Tensor]:
    narrow = int(t.get("word_embed_proj_dim") or t.hidden)
    embedded, table = _embed(tape, "embed_tokens", t.vocab, narrow)
    mask, _ = common.causal_masks(tape, False, True)
    positions, _ = _embed(tape, "embed_positions", t.positions + 2, t.hidden)
    if narrow != t.hidden:
        embedded = linear(tape, embedded, "project_in", narrow, t.hidden)
    hidden = ops.add(tape, embedded, positions)
    hidden = _run(tape, t, hidden, _opt_layer, mask=mask)
    if t.get("do_layer_norm_before", True):
        hidden = nn.layer_norm(tape, hidden, "final_layer_norm", t.hidden)
    if narrow != t.hidden:
        hidden = linear(tape, hidden, "project_out", t.hidden, narrow)
    return hidden, table


def opt(tape: Tape, arch: Architecture) -> common.Outputs:
    hidden, table = _opt_stack(tape, arch.text)
    return common.causal_head(tape, arch.text, hidden, table)


# ------------------------------------------------------------------------------------------------ Phi
@ops.module
def _phi_attention(tape: Tape, hidden: Tensor, t: Tower, cos: Tensor, sin: Tensor, mask: Tensor | None) -> Tensor:
    kv = t.kv_heads * t.head_dim
    q = linear(tape, hidden, "q_proj", t.hidden, t.hidden, True)
    k = linear(tape, hidden, "k_proj", t.hidden, kv, True)
    v = linear(tape, hidden, "v_proj", t.hidden, kv, True)
    q, k = common.partial_rotary(tape, q, k, cos, sin, _rotary_share(t, 0.5))
    out = _attend(tape, t, q, k, v, mask, head_major=_rotary_share(t, 0.5) < 1.0)
    return linear(tape, out, "dense", t.hidden, t.hidden, True)


@ops.module
def _phi_layer(tape: Tape, hidden: Tensor, *, t: Tower, cos: Tensor, sin: Tensor, mask: Tensor | None) -> Tensor:
    residual = hidden
    hidden = nn.layer_norm(tape, hidden, "input_layernorm", t.hidden)
    attended = _phi_attention(tape, hidden, t, cos, sin, mask)
    attended = ops.dropout(tape, attended, t.dropout)
    forward = ops.dropout(tape, _plain_mlp(tape, hidden, t, ("fc1", "fc2")), t.dropout)
    return ops.add(tape, ops.add(tape, attended, forward), residual)


@ops.module
def _phi_stack(tape: Tape, t: Tower) -> tuple[Tensor, Tensor]:
    hidden, table = _embed(tape, "embed_tokens", t.vocab, t.hidden)
    mask, _ = common.causal_masks(tape, False, True)
    cos, sin = common.rotary_tables(tape, t.head_dim, hidden.item, dims=t.head_dim * _rotary_share(t, 0.5))
    hidden = _run(tape, t, hidden, _phi_layer, cos=cos, sin=sin, mask=mask)
    return nn.layer_norm(tape, hidden, "final_layernorm", t.hidden), table


def phi(tape: Tape, arch: Architecture) -> common.Outputs:
    hidden, table = _phi_stack(tape, arch.text)
    return common.causal_head(tape, arch.text, hidden, table, bias=True)


# ------------------------------------------------------------------------------------------------ Falcon
@ops.module
def _falcon_attention(tape: Tape, hidden: Tensor, t: Tower, cos: Tensor, sin: Tensor, mask: Tensor | None) -> Tensor:
    kv = t.kv_heads * t.head_dim
    whole = t.hidden + 2.0 * kv
    qkv = linear(tape, hidden, "self_attention.query_key_value", t.hidden, whole)
    q = ops.slice_last(tape, qkv, t.hidden / whole)
    k = ops.index(tape, qkv, kv / whole)
    v = ops.index(tape, qkv, kv / whole)
    q, k = common.rotary(tape, q, k, cos, sin)
    out = attention.math_attention(tape, q, k, v, Heads(t.heads, t.kv_heads, t.head_dim), mask, broadcast=True)
    return linear(tape, out, "self_attention.dense", t.hidden, t.hidden)


@ops.module
def _falcon_layer(tape: Tape, hidden: Tensor, *, t: Tower, cos: Tensor, sin: Tensor, mask: Tensor | None) -> Tensor:
    residual = hidden
    normed = nn.layer_norm(tape, hidden, "input_layernorm", t.hidden)
    attended = _falcon_attention(tape, normed, t, cos, sin, mask)
    if t.get("parallel_attn", True):
        after = normed
    else:
        residual = ops.add(tape, residual, attended)
        after = nn.layer_norm(tape, residual, "post_attention_layernorm", t.hidden)
    forward = _plain_mlp(tape, after, t, ("mlp.dense_h_to_4h", "mlp.dense_4h_to_h"), bool(t.get("bias", False)))
    if t.get("parallel_attn", True):
        forward = ops.add_(tape, forward, attended)
    return ops.add(tape, residual, forward)


@ops.module
def _falcon_stack(tape: Tape, t: Tower) -> tuple[Tensor, Tensor]:
    hidden, table = _embed(tape, "word_embeddings", t.vocab, t.hidden)
    mask, _ = common.causal_masks(tape, False, True)
    cos, sin = common.rotary_tables(tape, t.head_dim, hidden.item)
    hidden = _run(tape, t, hidden, _falcon_layer, cos=cos, sin=sin, mask=mask)
    return nn.layer_norm(tape, hidden, "ln_f", t.hidden), table


def falcon(tape: Tape, arch: Architecture) -> common.Outputs:
    hidden, table = _falcon_stack(tape, arch.text)
    return common.causal_head(tape, arch.text, hidden, table)


# ------------------------------------------------------------------------------------------------ BLOOM
@ops.module
def _bloom_attention(tape: Tape, hidden: Tensor, residual: Tensor, t: Tower, mask: Tensor | None) -> Tensor:
    qkv = linear(tape, hidden, "self_attention.query_key_value", t.hidden, 3 * t.hidden, True)
    q, k, v = (ops.slice_last(tape, qkv, 1 / 3) for _ in range(3))
    # The reshape to (batch * heads) of an interleaved view copies.
    q, k, v = ops.copy(tape, q), ops.copy(tape, k), ops.copy(tape, v)
    scores = ops.bmm(tape, q, k, "BSS", t.heads)
    weights = ops.add(tape, scores, mask) if mask is not None else scores
    probabilities = ops.cast(tape, ops.softmax(tape, weights, True), q.item)
    probabilities = ops.dropout(tape, probabilities, t.attention_dropout)
    context = ops.bmm(tape, probabilities, v, "BS", t.hidden)
    context = ops.copy(tape, context)
    out = linear(tape, context, "self_attention.dense", t.hidden, t.hidden, True)
    return ops.add(tape, residual, ops.dropout(tape, out, t.dropout))


@ops.module
def _bloom_layer(tape: Tape, hidden: Tensor, *, t: Tower, mask: Tensor | None) -> Tensor:
    normed = nn.layer_norm(tape, hidden, "input_layernorm", t.hidden)
    attended = _bloom_attention(tape, normed, hidden, t, mask)
    normed = nn.layer_norm(tape, attended, "post_attention_layernorm", t.hidden)
    up = linear(tape, normed, "mlp.dense_h_to_4h", t.hidden, 4 * t.hidden, True)
    # A Python formula inside an autograd function: four tensors of its size on the way, five on the way back.
    room = [tape.like(up.shape) for _ in range(3)]
    del room
    up = ops.unary(tape, up, temporaries=4)
    down = linear(tape, up, "mlp.dense_4h_to_h", 4 * t.hidden, t.hidden, True)
    return ops.add(tape, attended, ops.dropout(tape, down, t.dropout))


@ops.module
def _bloom_stack(tape: Tape, t: Tower) -> tuple[Tensor, Tensor]:
    hidden, table = _embed(tape, "word_embeddings", t.vocab, t.hidden)
    hidden = nn.layer_norm(tape, hidden, "word_embeddings_layernorm", t.hidden)
    mask, _ = common.causal_masks(tape, False, True)
    hidden = _run(tape, t, hidden, _bloom_layer, mask=mask)
    return nn.layer_norm(tape, hidden, "ln_f", t.hidden), table


def bloom(tape: Tape, arch: Architecture) -> common.Outputs:
    hidden, table = _bloom_stack(tape, arch.text)
    return common.causal_head(tape, arch.text, hidden, table)
