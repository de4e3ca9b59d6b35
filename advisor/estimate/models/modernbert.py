"""ModernBERT: norms before, gated MLPs, rotary positions in fp32, and windows in two of three layers (arXiv 2412.13663)."""

from __future__ import annotations

from functools import partial

from advisor.estimate.architecture import Architecture, Tower
from advisor.estimate.models import common
from advisor.estimate.models.encoder import is_masked_lm
from advisor.estimate.tape import attention, nn, ops
from advisor.estimate.tape.attention import Heads
from advisor.estimate.tape.autograd import checkpoint
from advisor.estimate.tape.linear import head, linear
from advisor.estimate.tape.tensor import Tape, Tensor

# https://github.com/huggingface/transformers/blob/main/src/transformers/models/modernbert/modeling_modernbert.py


def _turned(tape: Tape, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """The rotation in fp32, cast back."""
    raised = ops.cast(tape, x, 4)
    turned = ops.add(
        tape, ops.mul(tape, raised, cos), ops.mul(tape, common.rotate_half(tape, ops.cast(tape, x, 4)), sin)
    )
    return ops.cast(tape, turned, x.item)


@ops.module
def _attention(tape: Tape, hidden: Tensor, t: Tower, cos: Tensor, sin: Tensor, mask: Tensor | None) -> Tensor:
    q, k, v = ops.split(tape, linear(tape, hidden, "Wqkv", t.hidden, 3 * t.hidden), 1 / 3, 1 / 3, 1 / 3)
    q, k = _turned(tape, q, cos, sin), _turned(tape, k, cos, sin)
    heads = Heads(t.heads, t.heads, t.head_dim)
    if tape.mode.attention == "eager":
        out = attention.eager(tape, q, k, v, heads, mask, t.attention_dropout)
    else:
        out = attention.sdpa(tape, q, k, v, heads, mask, t.attention_dropout)
    return linear(tape, out, "Wo", t.hidden, t.hidden)


@ops.module
def _mlp(tape: Tape, x: Tensor, t: Tower) -> Tensor:
    up, gate = ops.split(tape, linear(tape, x, "Wi", t.hidden, 2 * t.ffn), 0.5, 0.5)
    return linear(tape, ops.mul(tape, nn.activation(tape, up, t.act), gate), "Wo_mlp", t.ffn, t.hidden)


@ops.module
def _layer(tape: Tape, hidden: Tensor, *, t: Tower, cos: Tensor, sin: Tensor, mask: Tensor | None) -> Tensor:
    normed = nn.layer_norm(tape, hidden, "attn_norm", t.hidden, bias=False)
    hidden = ops.add(tape, hidden, _attention(tape, normed, t, cos, sin, mask))
    forward = _mlp(tape, nn.layer_norm(tape, hidden, "mlp_norm", t.hidden, bias=False), t)
    return ops.add(tape, hidden, forward)


def _call(tape: Tape, t: Tower, cos: Tensor, sin: Tensor, mask: Tensor | None, hidden: Tensor) -> Tensor:
    return _layer(tape, hidden, t=t, cos=cos, sin=sin, mask=mask)


@ops.module
def _stack(tape: Tape, t: Tower) -> tuple[Tensor, Tensor]:
    table = tape.param("tok_embeddings.weight", t.vocab, t.hidden)
    hidden = nn.embedding(tape, "tok_embeddings", t.vocab, t.hidden, table=table)
    # The first layer has no norm of its own before attention; its weights stand for those of the embeddings' norm.
    hidden = nn.layer_norm(tape, hidden, "embeddings.norm", t.hidden, affine=False)
    full = common.bidirectional_mask(tape)
    every = int(t.get("global_attn_every_n_layers", 3))
    whole = -(-t.layers // every)
    window = common.window_mask(tape)
    cos, sin = common.rotary_tables(tape, t.head_dim, hidden.item)
    for count, mask, label in ((whole, full, "text"), (t.layers - whole, window, "text.window")):
        for _ in tape.layers(label, count):
            hidden = checkpoint(tape, partial(_call, tape, t, cos, sin, mask), hidden)
    return nn.layer_norm(tape, hidden, "final_norm", t.hidden, bias=False), table


@ops.module
def _prediction(tape: Tape, x: Tensor, t: Tower) -> Tensor:
    x = nn.activation(tape, linear(tape, x, "head.dense", t.hidden, t.hidden), "gelu")
    return nn.layer_norm(tape, x, "head.norm", t.hidden, bias=False)


def modernbert(tape: Tape, arch: Architecture) -> common.Outputs:
    """The encoder under a head for masked words, or for classes from the first token."""
    t = arch.text
    hidden, table = _stack(tape, t)
    tape.mark("head")
    if is_masked_lm(arch):
        logits = head(tape, _prediction(tape, hidden, t), table, t.vocab, tape.param("decoder.bias", t.vocab))
        return common.Outputs(nn.cross_entropy(tape, logits), [logits])
    labels = float(arch.get("num_labels", 2))
    first = _prediction(tape, ops.select(tape, hidden, "B", t.hidden), t)
    weight, bias = tape.param("classifier.weight", labels, t.hidden), tape.param("classifier.bias", labels)
    logits = ops.matmul_weight(tape, first, weight, labels, bias)
    return common.Outputs(nn.cross_entropy(tape, logits), [logits])
