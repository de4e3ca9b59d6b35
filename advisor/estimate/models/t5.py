"""T5 and its kin: relative position biases shared by all layers, RMS norms without centring, encoder and decoder."""

from __future__ import annotations

from functools import partial
from typing import Any

from advisor.estimate.architecture import Architecture, Tower
from advisor.estimate.models import common
from advisor.estimate.tape import attention, nn, ops
from advisor.estimate.tape.attention import Heads
from advisor.estimate.tape.autograd import checkpoint
from advisor.estimate.tape.linear import head, linear
from advisor.estimate.tape.tensor import Tape, Tensor


@ops.module
def _norm(tape: Tape, hidden: Tensor, name: str, t: Tower) -> Tensor:
    weight = tape.param(f"{name}.weight", t.hidden)
    variance = nn.row_mean(tape, ops.unary(tape, ops.cast(tape, hidden, 4)), t.hidden)
    hidden = ops.mul(tape, hidden, ops.unary(tape, ops.shift(tape, variance), keep="result"))
    if weight.item == 2:
        hidden = ops.cast(tape, hidden, 2)
    return ops.mul(tape, weight, hidden)


@ops.module
def _dense(tape: Tape, x: Tensor, t: Tower) -> Tensor:
    if "gated" in str(t.get("feed_forward_proj", t.act)):
        act = "gelu_new" if "gelu" in str(t.get("feed_forward_proj", t.act)) else "silu"
        gate = nn.activation(tape, linear(tape, x, "wi_0", t.hidden, t.ffn), act)
        up = linear(tape, x, "wi_1", t.hidden, t.ffn)
        x = ops.mul(tape, gate, up)
        x = ops.dropout(tape, x, t.dropout)
        x = ops.cast(tape, x, tape.mode.item)
        return linear(tape, x, "wo", t.ffn, t.hidden)
    x = linear(tape, x, "wi", t.hidden, t.ffn)
    x = nn.activation(tape, x, "relu")
    x = ops.dropout(tape, x, t.dropout)
    x = ops.cast(tape, x, tape.mode.item)
    return linear(tape, x, "wo", t.ffn, t.hidden)


@ops.module
def _feed_forward(tape: Tape, hidden: Tensor, t: Tower) -> Tensor:
    forwarded = _norm(tape, hidden, "ff.layer_norm", t)
    forwarded = _dense(tape, forwarded, t)
    return ops.add(tape, hidden, ops.dropout(tape, forwarded, t.dropout))


@ops.module
def _attention(
    tape: Tape,
    hidden: Tensor,
    states: Tensor,
    t: Tower,
    name: str,
    heads: Heads,
    mask: Tensor | None,
    bias: Tensor | None,
    pairs: str,
    causal: bool,
) -> tuple[Tensor, Tensor]:
    width = float(t.heads * t.head_dim)
    q = linear(tape, hidden, f"{name}.q", t.hidden, width)
    k = linear(tape, states, f"{name}.k", t.hidden, width)
    v = linear(tape, states, f"{name}.v", t.hidden, width)
    if bias is None:
        if name == "cross":
            bias = tape.new(pairs, t.heads, q.item)
            if tape.mode.checkpoint:
                bias = ops.leaf(bias)
        else:
            bias = nn.embedding(
                tape,
                f"{name}.relative_attention_bias",
                float(t.get("relative_attention_num_buckets", 32)),
                t.heads,
                pairs,
            )
    if tape.mode.attention == "eager":
        weights = ops.scale(tape, ops.bmm(tape, q, k, heads.scores, heads.query))
        weights = ops.add(tape, weights, bias)
        if mask is not None:
            weights = ops.add(tape, weights, mask)
        weights = ops.dropout(tape, ops.softmax(tape, weights), t.dropout)
        out = ops.copy(tape, ops.bmm(tape, weights, v, heads.rows, width))
    else:
        out = _biased(tape, q, k, v, heads, mask, bias, t, causal, pairs)
    return linear(tape, out, f"{name}.o", width, t.hidden), bias


def _biased(
    tape: Tape,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    heads: Heads,
    mask: Tensor | None,
    bias: Tensor,
    t: Tower,
    causal: bool,
    pairs: str,
) -> Tensor:
    """The bias as an additive mask: joined with the causal or padding mask for each layer, then padded to the kernel's alignment."""
    if mask is not None:
        bias = ops.where(tape, bias, heads.scores, t.heads, mask)
    elif causal:
        bias = ops.where(tape, bias, bias.rows, t.heads, tape.new(pairs, 1.0, 1))
    if tape.amp:
        bias = ops.cast(tape, bias, tape.amp)
    if mask is None and not causal and bias.needs:
        bias = ops.pad(tape, bias)
    return attention.sdpa(tape, q, k, v, heads, bias, t.dropout)


@ops.module
def _block(
    tape: Tape, hidden: Tensor, bias: Tensor | None, states: Tensor | None, cross: Tensor | None, *, t: Tower, side: str,
    mask: Tensor | None, cross_mask: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor | None]:  # fmt: skip
    decoder = side == "decoder"
    heads = Heads(t.heads, t.heads, t.head_dim, "BT", "BT", "BTT") if decoder else Heads(t.heads, t.heads, t.head_dim)
    hidden, bias = _self_layer(tape, hidden, t, heads, mask, bias, decoder)
    if states is not None:
        hidden, cross = _cross_layer(tape, hidden, states, t, cross_mask, cross)
    return _feed_forward(tape, hidden, t), bias, cross


@ops.module
def _self_layer(
    tape: Tape, hidden: Tensor, t: Tower, heads: Heads, mask: Tensor | None, bias: Tensor | None, decoder: bool
) -> tuple[Tensor, Tensor]:
    normed = _norm(tape, hidden, "self.layer_norm", t)
    attended, bias = _attention(tape, normed, normed, t, "self", heads, mask, bias, "TT" if decoder else "SS", decoder)
    attended = ops.add(tape, hidden, ops.dropout(tape, attended, t.dropout))
    return attended, bias


@ops.module
def _cross_layer(
    tape: Tape, hidden: Tensor, states: Tensor, t: Tower, mask: Tensor | None, bias: Tensor | None
) -> tuple[Tensor, Tensor]:
    heads = Heads(t.heads, t.heads, t.head_dim, "BT", "BS", "BTS")
    normed = _norm(tape, hidden, "cross.layer_norm", t)
    attended, bias = _attention(tape, normed, states, t, "cross", heads, mask, bias, "TS", False)
    return ops.add(tape, hidden, ops.dropout(tape, attended, t.dropout)), bias


def _call(tape: Tape, hidden: Tensor, *rest: Any, **named: Any) -> tuple[Tensor, Tensor, Tensor | None]:
    return _block(tape, hidden, *rest, **named)


@ops.module
def _stack(tape: Tape, t: Tower, table: Tensor, side: str, layers: int, states: Tensor | None) -> Tensor:
    rows = "BT" if side == "decoder" else "BS"
    embedded = nn.embedding(tape, "shared", t.vocab, t.hidden, rows, table=table)
    mask = common.bidirectional_mask(tape) if side == "encoder" else None
    cross_mask = common.bidirectional_mask(tape, "BS", "BTS") if side == "decoder" else None
    hidden = ops.dropout(tape, embedded, t.dropout)
    bias: Tensor | None = None
    cross: Tensor | None = None
    for _ in tape.layers(side, layers):
        run = partial(_call, tape, t=t, side=side, mask=mask, cross_mask=cross_mask)
        hidden, bias, cross = checkpoint(tape, run, hidden, bias, states, cross)
    hidden = _norm(tape, hidden, f"{side}_final_layer_norm", t)
    return ops.dropout(tape, hidden, t.dropout)


def t5(tape: Tape, arch: Architecture) -> common.Outputs:
    t = arch.text
    table = tape.param("shared.weight", t.vocab, t.hidden)
    encoded = _stack(tape, t, table, "encoder", t.layers, None)
    decoder_layers = int(arch.get("num_decoder_layers", 0) or arch.get("decoder_layers", 0) or t.layers)
    hidden = _stack(tape, t, table, "decoder", decoder_layers, encoded)
    tape.mark("head")
    if t.tied:
        hidden = ops.scale(tape, hidden)
    # Transformers 5 ties the head to the embeddings whatever the configuration says, which then only decides the scaling.
    logits = head(tape, hidden, table, t.vocab)
    return common.Outputs(nn.cross_entropy(tape, logits), [logits, encoded])
