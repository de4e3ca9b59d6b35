"""Scaled dot product attention: which kernel PyTorch picks, what each keeps and allocates.

Sources: aten/src/ATen/native/transformers/attention.cpp and cuda/sdp_utils.cpp (the choice), flash_attn and mem_eff_attention.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from advisor.estimate.tape import ops
from advisor.estimate.tape.tensor import Node, Tape, Tensor


class Heads(Struct, frozen=True):
    """Query heads, key/value heads, size of one head; rows of the queries, of the keys, and of the scores."""

    query: float
    kv: float
    size: float
    rows: str = "BS"
    kv_rows: str = "BS"
    scores: str = "BSS"
    value_size: float = 0.0

    @property
    def groups(self) -> float:
        return self.query / self.kv


def _round(size: float) -> float:
    """A head size as the flash kernel's backward pads it: to 32 up to 128, then to 64."""
    step = 32 if size <= 128 else 64
    return -(-size // step) * step


def _kernel_backward(
    tape: Tape, node: Node, grads: Sequence[Tensor | None], saved: list[Tensor]
) -> list[Tensor | None]:
    shapes, heads, flash, bias = node.info
    out: list[Tensor | None] = [tape.like(shape) for shape in shapes]
    item = shapes[0][2]
    if flash:
        # dq and the softmax sums in fp32, lengths padded to 128; dk and dv of all query heads before groups are summed.
        scratch = [tape.new(f"{heads.rows}^128", 4.0 * heads.query * (_round(heads.size) + 1.0), 1)]
        if heads.groups > 1:
            scratch.append(tape.new(heads.kv_rows, 2.0 * heads.query * heads.size * item, 1))
    else:
        scratch = [tape.new(heads.rows, heads.query * (4.0 + (4.0 * heads.size if item == 2 else 0.0)), 1)]
    del scratch
    if bias is not None:
        # The kernel writes a gradient for every sample; the engine sums it over what was broadcast.
        whole = tape.new(heads.scores, heads.query, item)
        out.append(whole if bias[:2] == whole.shape[:2] else tape.like(bias))
    return [x if want else None for x, want in zip(out, node.wants, strict=False)] + [None] * (
        len(node.wants) - len(out)
    )


def kernel(tape: Tape, q: Tensor, k: Tensor, v: Tensor, heads: Heads, flash: bool, bias: Tensor | None) -> Tensor:
    """A fused kernel: [rows, heads * size] out; keeps its inputs, the result and a log-sum-exp of 4 bytes a row and head."""
    size = heads.value_size or heads.size
    out = tape.new(heads.rows, heads.query * size, q.item)
    lse = tape.new(heads.rows, heads.query, 4)
    inputs = [q, k, v] + ([bias] if bias is not None else [])
    if not (tape.grad and any(x.needs for x in inputs)):
        return out
    info = (tuple(x.shape for x in (q, k, v)), heads, flash, bias.shape if bias is not None and bias.needs else None)
    node = Node(tape, inputs, [], _kernel_backward, info)
    node.saved = tape.pack([*inputs, ops.alias(out), lse])
    out.fn, out.needs = node, True
    return out


def repeat_kv(tape: Tape, x: Tensor, groups: float) -> Tensor:
    """Each key/value head copied for its group of query heads; the gradient is summed over the group."""
    if groups == 1:
        return x
    out = tape.new(x.rows, x.width * groups, x.item)
    return ops._attach(tape, out, [x], (), ops._copy_backward, x.shape)


@ops.module
def _call(
    tape: Tape, q: Tensor, k: Tensor, v: Tensor, heads: Heads, mask: Tensor | None, p: float, gqa: bool
) -> Tensor:
    q, k, v = (ops.low(tape, x) for x in (q, k, v))
    if tape.mode.attention == "flash" and q.item == 4:
        # transformers' flash_attention_forward casts what layers of fp32 left; the kernels know half precision alone.
        q, k, v = (ops.cast(tape, x, 2) for x in (q, k, v))
        return ops.cast(tape, _call(tape, q, k, v, heads, None, p, gqa), 4)
    half = q.item == 2
    grouped = gqa and heads.groups > 1
    if half and mask is None and max(heads.size, heads.value_size) <= 256:
        return kernel(tape, q, k, v, heads, True, None)
    if not grouped:
        bias = None
        if mask is not None:
            bias = mask if mask.item == q.item else tape.new(mask.rows, mask.width, q.item)
        return kernel(tape, q, k, v, heads, False, bias)
    return math_attention(tape, q, k, v, heads, mask, p)


def math_attention(
    tape: Tape,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    heads: Heads,
    mask: Tensor | None,
    p: float = 0.0,
    broadcast: bool = False,
) -> Tensor:
    """The fallback of plain products: scaled copies of q and k, repeated keys and values, scores kept in full.

    `broadcast`: one key/value head without the grouping flag is spread over the query heads by the products themselves.
    """
    q, k, v = (ops.low(tape, x) for x in (q, k, v))
    item = q.item
    q, k, v = (
        ops.cast(tape, x, 4) for x in (q, k, v)
    )  # half types are summed in fp32 (allowFP16BF16ReductionMathSDP is off)
    autocast, tape.autocast_on = tape.autocast_on, False
    if not broadcast:
        k = repeat_kv(tape, k, heads.groups)
        v = repeat_kv(tape, v, heads.groups)
    if mask is None:
        mask = tape.new("SS", 1.0, 1)
        mask = tape.new("SS", 1.0, q.item)
    q = ops.scale(tape, q)
    scores = ops.bmm(tape, q, ops.scale(tape, k), heads.scores, heads.query)
    scores = ops.add_(tape, scores, mask)
    scores = ops.softmax(tape, scores)
    scores = ops.dropout(tape, scores, p)
    out = ops.bmm(tape, scores, v, heads.rows, heads.query * heads.size)
    tape.autocast_on = autocast
    return ops.cast(tape, out, item)


def sdpa(
    tape: Tape,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    heads: Heads,
    mask: Tensor | None = None,
    p: float = 0.0,
    *,
    head_major: bool = False,
) -> Tensor:
    """Transformers' sdpa_attention_forward: groups are left to the kernel without a mask, else heads are repeated first.

    `head_major`: the query lies in memory head by head (after a torch.cat or .contiguous()); the flash kernel's result does so too, and
    has to be copied into token order.
    """
    gqa = mask is None and heads.size <= 256
    if not gqa:
        k = repeat_kv(tape, k, heads.groups)
        v = repeat_kv(tape, v, heads.groups)
    out = _call(tape, q, k, v, heads, mask, p, gqa)
    math = q.item == 4 and not tape.amp and gqa and heads.groups > 1 and tape.mode.attention != "flash"
    flash = (q.item == 2 or tape.amp) and mask is None
    if math or (flash and head_major):
        out = ops.copy(tape, out)
    return out


def _own(tape: Tape, x: Tensor) -> Tensor:
    """A slice of a joint projection is copied when a batched product folds its dimensions."""
    return ops.copy(tape, x) if x.storage is not None and x.nbytes < x.storage.nbytes else x


def eager(
    tape: Tape, q: Tensor, k: Tensor, v: Tensor, heads: Heads, mask: Tensor | None = None, p: float = 0.0, *, softcap: bool = False,
    fp32: bool = True,
) -> Tensor:  # fmt: skip
    """Transformers' eager_attention_forward: scores, scaling, mask, softmax in fp32, cast, dropout, product."""
    q, keys, values = (
        _own(tape, q),
        _own(tape, repeat_kv(tape, k, heads.groups)),
        _own(tape, repeat_kv(tape, v, heads.groups)),
    )
    weights = ops.scale(tape, ops.bmm(tape, q, keys, heads.scores, heads.query))
    if softcap:
        weights = ops.scale(tape, weights)
        weights = ops.unary(tape, weights, keep="result")
        weights = ops.scale(tape, weights)
    if mask is not None:
        weights = ops.add(tape, weights, mask)
    weights = ops.cast(tape, ops.softmax(tape, weights, fp32), q.item)
    weights = ops.dropout(tape, weights, p)
    out = ops.bmm(tape, weights, values, heads.rows, heads.query * (heads.value_size or heads.size))
    return ops.copy(tape, out)
