"""DeBERTa v2 and v3: attention with scores from content to position and back, beside those between contents."""

from __future__ import annotations

from functools import partial
from typing import Any

from advisor.estimate.architecture import Architecture, Tower
from advisor.estimate.models import common, encoder
from advisor.estimate.tape import nn, ops
from advisor.estimate.tape.autograd import checkpoint
from advisor.estimate.tape.linear import linear
from advisor.estimate.tape.tensor import Tape, Tensor


def _positions(t: Tower) -> float:
    """Rows of the table of relative positions: twice the buckets."""
    buckets = int(t.get("position_buckets", 256) or 0)
    return 2.0 * (buckets if buckets > 0 else t.positions)


def _heads(tape: Tape, x: Tensor) -> Tensor:
    """(batch, length, hidden) -> (batch * heads, length, head), a copy."""
    return ops.copy(tape, x)


@ops.module
def _self_attention(tape: Tape, hidden: Tensor, t: Tower, mask: Tensor, relative: Tensor, table: Tensor) -> Tensor:
    span = _positions(t)
    q = _heads(tape, linear(tape, hidden, "query_proj", t.hidden, t.hidden, True))
    k = _heads(tape, linear(tape, hidden, "key_proj", t.hidden, t.hidden, True))
    v = _heads(tape, linear(tape, hidden, "value_proj", t.hidden, t.hidden, True))
    scores = ops.bmm(tape, q, ops.scale(tape, k), "BSS", t.heads)
    table = ops.dropout(tape, table, t.dropout)
    bias = _relative_scores(tape, q, k, t, table, span)
    scores = ops.add(tape, scores, bias)
    boolean = tape.new(mask.rows, 1.0, 1)
    inverse = tape.new(mask.rows, 1.0, 1)
    scores = ops.masked_fill(tape, scores, inverse)
    del boolean, inverse
    probabilities = ops.softmax(tape, scores)
    probabilities = ops.dropout(tape, probabilities, t.attention_dropout)
    context = ops.bmm(tape, probabilities, v, "BS", t.hidden)
    return ops.copy(tape, context)


def _relative_scores(tape: Tape, q: Tensor, k: Tensor, t: Tower, table: Tensor, span: float) -> Tensor:
    """Scores of content to position and of position to content, gathered from products with all positions."""
    pos_q = ops.repeat_rows(tape, _heads(tape, linear(tape, table, "query_proj", t.hidden, t.hidden, True)), "B", span)
    pos_k = ops.repeat_rows(tape, _heads(tape, linear(tape, table, "key_proj", t.hidden, t.hidden, True)), "B", span)
    c2p = ops.bmm(tape, q, pos_k, "BS", t.heads * span)
    place = tape.new("SS", 1.0, 8)
    c2p = ops.gather(tape, c2p, place, "BSS", t.heads)
    score = ops.shift(tape, ops.scale(tape, c2p))
    place = tape.new("SS", 1.0, 8)
    p2c = ops.bmm(tape, k, pos_q, "BS", t.heads * span)
    p2c = ops.gather(tape, p2c, place, "BSS", t.heads)
    return ops.add_(tape, score, ops.scale(tape, p2c))


@ops.module
def _attention(tape: Tape, hidden: Tensor, t: Tower, mask: Tensor, relative: Tensor, table: Tensor) -> Tensor:
    out = _self_attention(tape, hidden, t, mask, relative, table)
    return encoder._self_output(tape, out, hidden, t)


@ops.module
def _layer(tape: Tape, hidden: Tensor, table: Tensor, *, t: Tower, mask: Tensor, relative: Tensor) -> Tensor:
    attended = _attention(tape, hidden, t, mask, relative, table)
    up = encoder._intermediate(tape, attended, t)
    return encoder._output(tape, up, attended, t)


def _call(tape: Tape, hidden: Tensor, table: Tensor, **named: Any) -> Tensor:
    return _layer(tape, hidden, table, **named)


@ops.module
def _embeddings(tape: Tape, t: Tower, masked: bool) -> tuple[Tensor, Tensor]:
    words = tape.param("word_embeddings.weight", t.vocab, t.hidden)
    hidden = nn.embedding(tape, "word_embeddings", t.vocab, t.hidden, table=words)
    positions = tape.new("BS", t.hidden, hidden.item)
    hidden = nn.layer_norm(tape, hidden, "LayerNorm", t.hidden)
    if masked:
        hidden = ops.mul(tape, hidden, tape.new("BS", 1.0, hidden.item))
    del positions
    return ops.dropout(tape, hidden, t.dropout), words


@ops.module
def _encoder(tape: Tape, t: Tower) -> tuple[Tensor, Tensor, list[Tensor]]:
    hidden, words = _embeddings(tape, t, True)
    mask = tape.new("BSS", 1.0, 4 if not tape.mode.mask else 8)
    relative = tape.new("SS", 1.0, 8)
    table = ops.view(
        tape, tape.param("rel_embeddings.weight", _positions(t), t.hidden), f"#{_positions(t):g}", t.hidden
    )
    if "layer_norm" in str(t.get("norm_rel_ebd", "none")):
        table = nn.layer_norm(tape, table, "rel_LayerNorm", t.hidden)
    every = [hidden]
    for _ in tape.layers("text", t.layers):
        hidden = checkpoint(tape, partial(_call, tape, t=t, mask=mask, relative=relative), hidden, table)
        every.append(hidden)
    return hidden, words, every


def deberta(tape: Tape, arch: Architecture) -> common.Outputs:
    t = arch.text
    hidden, words, every = _encoder(tape, t)
    tape.mark("head")
    if encoder.is_masked_lm(arch):
        logits = encoder.masked_head(tape, t, hidden, words)
    else:
        logits = encoder.class_head(tape, t, hidden, float(arch.get("num_labels", 2)))
    return common.Outputs(nn.cross_entropy(tape, logits), [logits, *every])
