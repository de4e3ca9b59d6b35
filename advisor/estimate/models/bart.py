"""Encoder-decoders with plain attention: BART and its kin (norms after), Whisper (norms before, convolutions in front)."""

from __future__ import annotations

from functools import partial
from typing import Any

from advisor.estimate.architecture import Architecture, Tower
from advisor.estimate.models import common
from advisor.estimate.tape import attention, nn, ops
from advisor.estimate.tape.attention import Heads
from advisor.estimate.tape.autograd import checkpoint
from advisor.estimate.tape.linear import head, linear
from advisor.estimate.tape.tensor import ONE, Tape, Tensor

_NORMS_FIRST = frozenset({"whisper", "mbart", "pegasus", "m2m_100", "blenderbot"})


@ops.module
def _attention(
    tape: Tape, hidden: Tensor, states: Tensor, t: Tower, name: str, heads: Heads, mask: Tensor | None
) -> Tensor:
    h = t.hidden
    if t.kind == "whisper":
        q = ops.copy(tape, ops.scale(tape, linear(tape, hidden, f"{name}.q_proj", h, h, True)))
        k = ops.copy(tape, linear(tape, states, f"{name}.k_proj", h, h))
        v = ops.copy(tape, linear(tape, states, f"{name}.v_proj", h, h, True))
    else:
        q = linear(tape, hidden, f"{name}.q_proj", h, h, True)
        k = linear(tape, states, f"{name}.k_proj", h, h, True)
        v = linear(tape, states, f"{name}.v_proj", h, h, True)
    if tape.mode.attention == "eager":
        out = attention.eager(tape, q, k, v, heads, mask, t.attention_dropout, fp32=False)
    else:
        out = attention.sdpa(tape, q, k, v, heads, mask, t.attention_dropout, head_major=t.kind == "whisper")
    return linear(tape, out, f"{name}.out_proj", h, h, True)


def _mlp(tape: Tape, hidden: Tensor, t: Tower, ffn: float) -> Tensor:
    hidden = nn.activation(tape, linear(tape, hidden, "fc1", t.hidden, ffn, True), t.act)
    hidden = ops.dropout(tape, hidden, float(t.get("activation_dropout", 0.0)))
    hidden = linear(tape, hidden, "fc2", ffn, t.hidden, True)
    return ops.dropout(tape, hidden, t.dropout)


@ops.module
def _layer(
    tape: Tape,
    hidden: Tensor,
    states: Tensor | None,
    *,
    t: Tower,
    side: str,
    ffn: float,
    mask: Tensor | None,
    cross_mask: Tensor | None,
) -> Tensor:
    first = t.kind in _NORMS_FIRST
    decoder = side == "decoder"
    heads = Heads(t.heads, t.heads, t.head_dim, "BT", "BT", "BTT") if decoder else Heads(t.heads, t.heads, t.head_dim)
    residual = hidden
    if first:
        hidden = nn.layer_norm(tape, hidden, "self_attn_layer_norm", t.hidden)
    hidden = _attention(tape, hidden, hidden, t, "self_attn", heads, mask)
    hidden = ops.dropout(tape, hidden, t.dropout)
    hidden = ops.add(tape, residual, hidden)
    if not first:
        hidden = nn.layer_norm(tape, hidden, "self_attn_layer_norm", t.hidden)
    if states is not None:
        residual = hidden
        if first:
            hidden = nn.layer_norm(tape, hidden, "encoder_attn_layer_norm", t.hidden)
        cross = Heads(t.heads, t.heads, t.head_dim, "BT", "BS", "BTS")
        hidden = _attention(tape, hidden, states, t, "encoder_attn", cross, cross_mask)
        hidden = ops.dropout(tape, hidden, t.dropout)
        hidden = ops.add(tape, residual, hidden)
        if not first:
            hidden = nn.layer_norm(tape, hidden, "encoder_attn_layer_norm", t.hidden)
    residual = hidden
    if first:
        hidden = nn.layer_norm(tape, hidden, "final_layer_norm", t.hidden)
    hidden = _mlp(tape, hidden, t, ffn)
    hidden = ops.add(tape, residual, hidden)
    if not first:
        hidden = nn.layer_norm(tape, hidden, "final_layer_norm", t.hidden)
    return hidden


def _call(tape: Tape, hidden: Tensor, states: Tensor | None, **named: Any) -> Tensor:
    return _layer(tape, hidden, states, **named)


def _run(tape: Tape, t: Tower, hidden: Tensor, side: str, states: Tensor | None, layers: int, ffn: float) -> Tensor:
    mask = common.bidirectional_mask(tape) if side == "encoder" and t.kind != "whisper" else None
    cross_mask = common.bidirectional_mask(tape, "BS", "BTS") if side == "decoder" and t.kind != "whisper" else None
    if side == "decoder" and tape.mode.attention == "eager":
        mask = common.float_mask(tape, "TT", tape.mode.item)
    for _ in tape.layers(side, layers):
        run = partial(_call, tape, t=t, side=side, ffn=ffn, mask=mask, cross_mask=cross_mask)
        hidden = checkpoint(tape, run, hidden, states)
    return hidden


@ops.module
def _bart_stack(
    tape: Tape, t: Tower, table: Tensor, side: str, states: Tensor | None, layers: int, ffn: float
) -> Tensor:
    rows = "BT" if side == "decoder" else "BS"
    embedded = nn.embedding(tape, "shared", t.vocab, t.hidden, rows, table=table)
    if t.get("scale_embedding"):
        embedded = ops.scale(tape, embedded)
    positions = nn.embedding(tape, f"{side}.embed_positions", t.positions + 2.0, t.hidden, rows)
    hidden = ops.add(tape, embedded, positions)
    hidden = nn.layer_norm(tape, hidden, f"{side}.layernorm_embedding", t.hidden)
    hidden = ops.dropout(tape, hidden, t.dropout)
    hidden = _run(tape, t, hidden, side, states, layers, ffn)
    if t.kind in _NORMS_FIRST:
        hidden = nn.layer_norm(tape, hidden, f"{side}.layer_norm", t.hidden)
    return hidden


def _decoder_sizes(arch: Architecture) -> tuple[int, float]:
    layers = int(arch.get("decoder_layers", 0) or arch.text.layers)
    return layers, float(arch.get("decoder_ffn_dim", 0) or arch.text.ffn)


def bart(tape: Tape, arch: Architecture) -> common.Outputs:
    t = arch.text
    layers, ffn = _decoder_sizes(arch)
    table = tape.param("shared.weight", t.vocab, t.hidden)
    encoded = _bart_stack(tape, t, table, "encoder", None, t.layers, t.ffn)
    hidden = _bart_stack(tape, t, table, "decoder", encoded, layers, ffn)
    tape.mark("head")
    logits = head(tape, hidden, table, t.vocab)
    # final_logits_bias is a buffer in the dtype of the weights, so the sum is in fp32 under autocast.
    bias = Tensor(None, ONE, t.vocab, tape.mode.item)
    logits = ops.add(tape, logits, bias)
    return common.Outputs(nn.cross_entropy(tape, logits), [logits, encoded])


@ops.module
def _whisper_encoder(tape: Tape, t: Tower, features: Tensor) -> Tensor:
    """Two convolutions over the spectrogram (3 wide, the second with stride 2), sinusoidal positions, layers, norm."""
    mel, h = float(t.get("num_mel_bins", 80)), float(t.hidden)
    x = nn.activation(tape, nn.conv(tape, features, "conv1", 3 * mel, h, "BS", 2 * h), "gelu")
    x = nn.activation(tape, nn.conv(tape, x, "conv2", 3 * h, h, "BS", h), "gelu")
    positions = tape.param("embed_positions.weight", float(t.get("max_source_positions", 1500)), h, trainable=False)
    hidden = ops.add(tape, x, ops.detach(nn.embedding(tape, "", 0.0, h, "S", table=positions)))
    hidden = _run(tape, t, hidden, "encoder", None, t.layers, t.ffn)
    return nn.layer_norm(tape, hidden, "encoder.layer_norm", h)


@ops.module
def _whisper_decoder(tape: Tape, t: Tower, table: Tensor, encoded: Tensor, layers: int, ffn: float) -> Tensor:
    embedded = nn.embedding(tape, "embed_tokens", t.vocab, t.hidden, "BT", table=table)
    positions = nn.embedding(tape, "decoder.embed_positions", float(t.get("max_target_positions", 448)), t.hidden, "BT")
    hidden = ops.add(tape, embedded, positions)
    hidden = ops.dropout(tape, hidden, t.dropout)
    hidden = _run(tape, t, hidden, "decoder", encoded, layers, ffn)
    return nn.layer_norm(tape, hidden, "decoder.layer_norm", t.hidden)


def whisper(tape: Tape, arch: Architecture) -> common.Outputs:
    t = arch.text
    layers, ffn = _decoder_sizes(arch)
    features = tape.new("BS", 2.0 * float(t.get("num_mel_bins", 80)), tape.mode.item, "inputs")
    encoded = _whisper_encoder(tape, t, features)
    table = tape.param("decoder.embed_tokens.weight", t.vocab, t.hidden)
    hidden = _whisper_decoder(tape, t, table, encoded, layers, ffn)
    tape.mark("head")
    logits = head(tape, hidden, table, t.vocab)
    return common.Outputs(nn.cross_entropy(tape, logits), [logits, encoded], [features])
