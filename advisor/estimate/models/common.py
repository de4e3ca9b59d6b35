"""Pieces that the model classes share: rotary tables, attention masks, output heads and losses."""

from __future__ import annotations

from msgspec import Struct, field

from advisor.estimate.architecture import Tower
from advisor.estimate.tape import nn, ops
from advisor.estimate.tape.linear import head
from advisor.estimate.tape.tensor import ONE, Tape, Tensor


class Outputs(Struct):
    """What a forward pass returns: the loss, the tensors that live as long as the caller holds the outputs, and those of the batch."""

    loss: Tensor
    kept: list[Tensor] = field(default_factory=list)
    inputs: list[Tensor] = field(default_factory=list)


@ops.module
def rotary_tables(tape: Tape, size: float, item: int, rows: str = "S", dims: float = 0.0) -> tuple[Tensor, Tensor]:
    """cos and sin [rows, size] in the dtype of the hidden states; computed in fp32 without a graph."""
    width = dims or size
    freqs = tape.new(rows, width / 2, 4)
    emb = tape.new(rows, width, 4)
    cos, sin = tape.new(rows, width, 4), tape.new(rows, width, 4)
    del freqs, emb
    return ops.detach(ops.cast(tape, cos, item)), ops.detach(ops.cast(tape, sin, item))


def rotate_half(tape: Tape, x: Tensor) -> Tensor:
    first = ops.slice_last(tape, x, 0.5)
    second = ops.slice_last(tape, x, 0.5)
    return ops.cat(tape, [ops.scale(tape, second), first])


def rotary(tape: Tape, q: Tensor, k: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    """apply_rotary_pos_emb: (q * cos) + (rotate_half(q) * sin)."""
    q_embed = ops.add(tape, ops.mul(tape, q, cos), ops.mul(tape, rotate_half(tape, q), sin))
    k_embed = ops.add(tape, ops.mul(tape, k, cos), ops.mul(tape, rotate_half(tape, k), sin))
    return q_embed, k_embed


def partial_rotary(tape: Tape, q: Tensor, k: Tensor, cos: Tensor, sin: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """Rotary positions on the first `share` of each head, the rest joined on again."""
    if share == 1.0:
        return rotary(tape, q, k, cos, sin)
    q_rot, q_pass = ops.slice_last(tape, q, share), ops.slice_last(tape, q, 1.0 - share)
    k_rot, k_pass = ops.slice_last(tape, k, share), ops.slice_last(tape, k, 1.0 - share)
    q_embed, k_embed = rotary(tape, q_rot, k_rot, cos, sin)
    q_embed = ops.cat(tape, [q_embed, q_pass])
    k_embed = ops.cat(tape, [k_embed, k_pass])
    return q_embed, k_embed


def causal_masks(tape: Tape, windowed: bool, full: bool, always: bool = False) -> tuple[Tensor | None, Tensor | None]:
    """The masks of full and of sliding layers, None where the kernel's causal flag does (transformers/masking_utils.py).

    `always`: the pattern is not plainly causal. Padding and an active window need a boolean mask; eager attention always gets one in the
    dtype of the weights.
    """
    padded = tape.mode.mask == "padded"
    if tape.mode.attention == "eager":
        item = tape.mode.item
        return (
            float_mask(tape, "BSS", item) if full else None,
            float_mask(tape, "BSS", item) if windowed else None,
        )
    full_mask = _boolean(tape, padded or always) if (padded or always) and full else None
    window_mask = _boolean(tape, padded) if windowed and (padded or tape.mode.window) else None
    return full_mask, window_mask


def _boolean(tape: Tape, own: bool) -> Tensor:
    """One square for each sample, or one square seen as one for each."""
    square = tape.new("BSS" if own else "SS", 1.0, 1)
    return Tensor(square.storage, "BSS", 1.0, 1)


def bidirectional_mask(tape: Tape, rows: str = "BS", scores: str = "BSS") -> Tensor | None:
    """The mask of an encoder: None without padding; a row of booleans seen as a square, or a float square for eager attention."""
    if tape.mode.mask != "padded":
        return None
    if tape.mode.attention == "eager":
        return float_mask(tape, scores, tape.mode.item)
    row = tape.new(rows, 1.0, 1)
    return Tensor(row.storage, scores, 1.0, 1)


def window_mask(tape: Tape) -> Tensor | None:
    """The mask of an encoder's layers that see a window: a square of booleans, one for each sample where there is padding."""
    padded = tape.mode.mask == "padded"
    if tape.mode.attention == "eager":
        return float_mask(tape, "BSS" if padded else "SS", tape.mode.item)
    return _boolean(tape, padded)


def float_mask(tape: Tape, rows: str, item: int) -> Tensor:
    """An additive mask in the dtype of the weights, made from a boolean one."""
    boolean = tape.new(rows, 1.0, 1)
    mask = tape.new(rows, 1.0, item)
    del boolean
    return mask


@ops.module
def causal_head(
    tape: Tape, t: Tower, hidden: Tensor, table: Tensor, *, name: str = "lm_head", bias: bool = False
) -> Outputs:
    """The output layer, the final soft cap where there is one, and the cross entropy in fp32 (transformers/loss/loss_utils.py)."""
    tape.mark("head")
    weight = table if t.tied else tape.param(f"{name}.weight", t.vocab, t.hidden)
    if tape.mode.fused_ce:
        return Outputs(nn.fused_linear_cross_entropy(tape, hidden, weight, t.hidden, t.vocab))
    logits = head(tape, hidden, weight, t.vocab, tape.param(f"{name}.bias", t.vocab) if bias else None)
    if t.get("final_logit_softcapping"):
        logits = ops.scale(tape, logits)
        logits = ops.unary(tape, logits, keep="result")
        logits = ops.scale(tape, logits)
    loss = causal_loss(tape, logits)
    return Outputs(loss, [logits])


@ops.module
def causal_loss(tape: Tape, logits: Tensor) -> Tensor:
    logits = ops.cast(tape, logits, 4)
    labels = tape.new("BS", 1.0, 8)
    shifted = tape.new("BS", 1.0, 8)
    del labels
    loss = nn.cross_entropy(tape, logits)
    del shifted
    return loss


__all__ = ["ONE", "Outputs", "causal_head", "causal_loss", "causal_masks", "partial_rotary", "rotary", "rotary_tables"]
