"""Text encoders: BERT, RoBERTa and their kin, DistilBERT, with heads for masked words and for sequence classes."""

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

_NAMES = {"distilbert": ("q_lin", "k_lin", "v_lin", "out_lin", "lin1", "lin2")}
_BERT = ("query", "key", "value", "output.dense", "intermediate.dense", "output.dense_2")


@ops.module
def _embeddings(tape: Tape, t: Tower) -> tuple[Tensor, Tensor]:
    """Words, token types (not in DistilBERT) and positions; RoBERTa computes positions for each sample."""
    table = tape.param("word_embeddings.weight", t.vocab, t.hidden)
    hidden = nn.embedding(tape, "word_embeddings", t.vocab, t.hidden, table=table)
    if t.kind != "distilbert":
        types = nn.embedding(tape, "token_type_embeddings", float(t.get("type_vocab_size", 2)), t.hidden)
        hidden = ops.add(tape, hidden, types)
        del types
    own = "BS" if t.kind in ("roberta", "xlm-roberta", "camembert") else "S"
    positions = nn.embedding(tape, "position_embeddings", t.positions, t.hidden, own)
    hidden = ops.add(tape, hidden, positions)
    hidden = nn.layer_norm(tape, hidden, "LayerNorm", t.hidden)
    return ops.dropout(tape, hidden, t.dropout), table


def _names(t: Tower) -> tuple[str, ...]:
    return _NAMES.get(t.kind, _BERT)


@ops.module
def _self_attention(tape: Tape, hidden: Tensor, t: Tower, mask: Tensor | None) -> Tensor:
    names = _names(t)
    q = linear(tape, hidden, names[0], t.hidden, t.hidden, True)
    k = linear(tape, hidden, names[1], t.hidden, t.hidden, True)
    v = linear(tape, hidden, names[2], t.hidden, t.hidden, True)
    heads = Heads(t.heads, t.heads, t.head_dim)
    if tape.mode.attention == "eager":
        out = attention.eager(tape, q, k, v, heads, mask, t.attention_dropout, fp32=False)
    else:
        out = attention.sdpa(tape, q, k, v, heads, mask, t.attention_dropout)
    if t.kind == "distilbert":
        return linear(tape, out, names[3], t.hidden, t.hidden, True)
    return out


@ops.module
def _self_output(tape: Tape, x: Tensor, residual: Tensor, t: Tower) -> Tensor:
    x = linear(tape, x, _names(t)[3], t.hidden, t.hidden, True)
    x = ops.dropout(tape, x, t.dropout)
    return nn.layer_norm(tape, ops.add(tape, x, residual), "attention.LayerNorm", t.hidden)


@ops.module
def _attention_block(tape: Tape, hidden: Tensor, t: Tower, mask: Tensor | None) -> Tensor:
    out = _self_attention(tape, hidden, t, mask)
    return _self_output(tape, out, hidden, t)


@ops.module
def _intermediate(tape: Tape, x: Tensor, t: Tower) -> Tensor:
    x = linear(tape, x, _names(t)[4], t.hidden, t.ffn, True)
    return nn.activation(tape, x, t.act)


@ops.module
def _output(tape: Tape, x: Tensor, residual: Tensor, t: Tower) -> Tensor:
    x = linear(tape, x, _names(t)[5], t.ffn, t.hidden, True)
    x = ops.dropout(tape, x, t.dropout)
    return nn.layer_norm(tape, ops.add(tape, x, residual), "output.LayerNorm", t.hidden)


@ops.module
def bert_layer(tape: Tape, hidden: Tensor, *, t: Tower, mask: Tensor | None) -> Tensor:
    """Attention, add and norm, MLP, add and norm. [BS, hidden] -> [BS, hidden]"""
    attended = _attention_block(tape, hidden, t, mask)
    up = _intermediate(tape, attended, t)
    return _output(tape, up, attended, t)


@ops.module
def _distil_ffn(tape: Tape, x: Tensor, t: Tower) -> Tensor:
    x = linear(tape, x, "lin1", t.hidden, t.ffn, True)
    x = nn.activation(tape, x, t.act)
    x = linear(tape, x, "lin2", t.ffn, t.hidden, True)
    return ops.dropout(tape, x, t.dropout)


@ops.module
def distil_layer(tape: Tape, hidden: Tensor, *, t: Tower, mask: Tensor | None) -> Tensor:
    attended = _self_attention(tape, hidden, t, mask)
    attended = nn.layer_norm(tape, ops.add(tape, attended, hidden), "sa_layer_norm", t.hidden)
    forward = _distil_ffn(tape, attended, t)
    return nn.layer_norm(tape, ops.add(tape, forward, attended), "output_layer_norm", t.hidden)


def _call(tape: Tape, hidden: Tensor, **named: Any) -> Tensor:
    t = named["t"]
    layer = distil_layer if isinstance(t, Tower) and t.kind == "distilbert" else bert_layer
    return layer(tape, hidden, **named)


@ops.module
def _stack(tape: Tape, t: Tower) -> tuple[Tensor, Tensor]:
    embedded, table = _embeddings(tape, t)
    hidden = embedded  # the caller's variable keeps the embeddings until the end
    mask = common.bidirectional_mask(tape)
    for _ in tape.layers("text", t.layers):
        hidden = checkpoint(tape, partial(_call, tape, t=t, mask=mask), hidden)
    return hidden, table


def is_masked_lm(arch: Architecture) -> bool:
    return "MaskedLM" in arch.name or "PreTraining" in arch.name


@ops.module
def masked_head(tape: Tape, t: Tower, hidden: Tensor, table: Tensor) -> Tensor:
    """Dense, activation, norm, and the decoder tied to the embeddings."""
    hidden = linear(tape, hidden, "head.dense", t.hidden, t.hidden, True)
    hidden = nn.activation(tape, hidden, "gelu")
    hidden = nn.layer_norm(tape, hidden, "head.LayerNorm", t.hidden)
    weight = table if t.tied else tape.param("decoder.weight", t.vocab, t.hidden)
    return head(tape, hidden, weight, t.vocab, tape.param("decoder.bias", t.vocab))


@ops.module
def class_head(tape: Tape, t: Tower, hidden: Tensor, labels: float) -> Tensor:
    """The first token through one dense layer to the classes."""
    first = ops.select(tape, hidden, "B", t.hidden)
    if t.kind == "roberta" or t.kind == "xlm-roberta":
        first = ops.dropout(tape, first, t.dropout)
    first = linear(tape, first, "pooler.dense", t.hidden, t.hidden, True)
    first = ops.unary(tape, first, keep="result")
    first = ops.dropout(tape, first, t.dropout)
    return ops.matmul_weight(
        tape, first, tape.param("classifier.weight", labels, t.hidden), labels, tape.param("classifier.bias", labels)
    )


def bert(tape: Tape, arch: Architecture) -> common.Outputs:
    t = arch.text
    hidden, table = _stack(tape, t)
    tape.mark("head")
    if is_masked_lm(arch):
        logits = masked_head(tape, t, hidden, table)
    else:
        logits = class_head(tape, t, hidden, float(arch.get("num_labels", 2)))
    return common.Outputs(nn.cross_entropy(tape, logits), [logits])
