"""Layers of torch.nn as far as memory goes: activations, norms, embeddings, convolutions and the cross entropy."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.estimate.tape import ops
from advisor.estimate.tape.tensor import ONE, Node, Tape, Tensor


# What each activation function keeps, and the temporaries of its backward pass. `gelu_new` and `quick_gelu` are Python formulas.
def activation(tape: Tape, x: Tensor, name: str) -> Tensor:
    """The activation function of that name in Hugging Face's ACT2FN."""
    if name in ("gelu_new", "gelu_fast"):
        return _gelu_new(tape, x)
    if name == "quick_gelu":
        return ops.mul(tape, x, ops.unary(tape, ops.scale(tape, x), keep="result"))
    if name == "relu2":  # the square keeps its input, which is what the ReLU keeps too; autocast squares in fp32
        return ops.unary(tape, ops._high(tape, ops.unary(tape, x, keep="result")))
    return ops.unary(tape, x, keep="result" if name in ("relu", "tanh", "sigmoid") else "input")


@ops.module
def _gelu_new(tape: Tape, x: Tensor) -> Tensor:
    """0.5 * x * (1.0 + tanh(sqrt(2 / pi) * (x + 0.044715 * pow(x, 3.0))))"""
    return ops.mul(
        tape,
        ops.scale(tape, x),
        ops.shift(
            tape,
            ops.unary(
                tape,
                ops.scale(tape, ops.add(tape, x, ops.scale(tape, ops.unary(tape, ops._high(tape, x))))),
                keep="result",
            ),
        ),
    )


def conv(
    tape: Tape, x: Tensor, name: str, inputs: float, outputs: float, rows: str, width: float, bias: bool = True
) -> Tensor:
    """A convolution with a kernel of `inputs` = channels * kernel area: keeps its input and weight; no workspace is counted."""
    x = ops.low(tape, x)
    weight = ops.weight_cast(tape, tape.param(f"{name}.weight", outputs, inputs), tape.amp)
    params = [weight]
    if bias:
        params.append(ops.weight_cast(tape, tape.param(f"{name}.bias", outputs), tape.amp))
    out = tape.new(rows, width, x.item)
    sizes = [p.width for p in params]
    return ops._attach(tape, out, [x, *params], [x, weight], _conv_backward, (x.shape, sizes))


def _conv_backward(tape: Tape, node: Node, grads: Sequence[Tensor | None], saved: list[Tensor]) -> list[Tensor | None]:
    shape, sizes = node.info
    out: list[Tensor | None] = [tape.like(shape) if node.wants[0] else None]
    for want, size in zip(node.wants[1:], sizes, strict=True):
        out.append(tape.new(ONE, size, shape[2]) if want else None)
    return out


def _norm_backward(tape: Tape, node: Node, grads: Sequence[Tensor | None], saved: list[Tensor]) -> list[Tensor | None]:
    shape, width = node.info
    return [
        tape.like(shape) if node.wants[0] else None,
        *(tape.new(ONE, width, shape[2]) if want else None for want in node.wants[1:]),
    ]


def layer_norm(tape: Tape, x: Tensor, name: str, width: float, *, bias: bool = True, affine: bool = True) -> Tensor:
    """nn.LayerNorm over `width` features: keeps its input and two fp32 numbers per row; runs in fp32 under autocast."""
    params = [tape.param(f"{name}.weight", width)] if affine else []
    if affine and bias:
        params.append(tape.param(f"{name}.bias", width))
    x = ops._high(tape, x)
    params = [ops._high(tape, p) for p in params]
    out = tape.like(x.shape)
    stats = tape.new(x.rows, 2.0 * x.width / width, 4)
    saved = [x, *params[:1], stats]
    return ops._attach(tape, out, [x, *params], saved, _norm_backward, (x.shape, width))


def rms_norm(
    tape: Tape, x: Tensor, name: str, width: float, *, plus_one: bool = False, late_cast: bool = False
) -> Tensor:
    """The RMS norm of Llama's modelling code, step by step: fp32 copy, square, mean, scaling, cast, weight.

    `plus_one`: Gemma's, where the weight's factor is applied in fp32 and the cast comes last. `late_cast`: OLMo's order.
    """
    weight = tape.param(f"{name}.weight", width)
    return _rms(tape, x, weight, width, plus_one, late_cast)


@ops.module
def _rms(tape: Tape, hidden: Tensor, weight: Tensor, width: float, plus_one: bool, late_cast: bool) -> Tensor:
    item = hidden.item
    if plus_one:
        raised = ops.cast(tape, hidden, 4)
        variance = ops.unary(tape, raised)
        variance = row_mean(tape, variance, width)
        out = ops.mul(tape, raised, ops.unary(tape, ops.shift(tape, variance), keep="result"))
        factor = ops.shift(tape, ops.cast(tape, weight, 4))
        del raised, variance
        out = ops.mul(tape, out, factor)
        return ops.cast(tape, out, item)
    hidden = ops.cast(tape, hidden, 4)
    variance = ops.unary(tape, hidden)
    variance = row_mean(tape, variance, width)
    hidden = ops.mul(tape, hidden, ops.unary(tape, ops.shift(tape, variance), keep="result"))
    if late_cast:
        return ops.cast(tape, ops.mul(tape, weight, hidden), item)
    return ops.mul(tape, weight, ops.cast(tape, hidden, item))


def _mean_backward(tape: Tape, node: Node, grads: Sequence[Tensor | None], saved: list[Tensor]) -> list[Tensor | None]:
    rows, width, item = node.info
    return [tape.new(rows, width, item)]


def row_mean(tape: Tape, x: Tensor, width: float) -> Tensor:
    """The mean over the last `width` elements: one number per row; its gradient is spread out to the full size."""
    out = tape.new(x.rows, x.width / width, x.item)
    return ops._attach(tape, out, [x], (), _mean_backward, x.shape)


def _embedding_backward(
    tape: Tape, node: Node, grads: Sequence[Tensor | None], saved: list[Tensor]
) -> list[Tensor | None]:
    width, item, rows = node.info
    out = tape.new(ONE, width, item)
    # Sorting the indices takes about 32 bytes each (torch/native/cuda/Embedding.cu).
    scratch = tape.new(rows, 32.0, 1)
    del scratch
    return [out]


def embedding(
    tape: Tape, name: str, entries: float, width: float, rows: str = "BS", *, table: Tensor | None = None
) -> Tensor:
    """Rows of a table [entries, width]; its gradient is a whole table."""
    weight = table if table is not None else tape.param(f"{name}.weight", entries, width)
    out = tape.new(rows, width, weight.item)
    return ops._attach(tape, out, [weight], (), _embedding_backward, (entries * width, weight.item, rows))


def cross_entropy(tape: Tape, logits: Tensor) -> Tensor:
    """log_softmax (kept) and nll_loss; the backward makes two more tensors of the logits' size.

    Under autocast F.cross_entropy asks for log_softmax in the dtype of the logits, and nll_loss casts its result to fp32.
    """
    kept = ops._high(tape, ops.unary(tape, logits, keep="result"))
    out = tape.new(ONE, 1.0, kept.item)
    return ops._attach(tape, out, [kept], [ops.alias(kept)], ops._copy_backward, kept.shape)


def _fused_backward(tape: Tape, node: Node, grads: Sequence[Tensor | None], saved: list[Tensor]) -> list[Tensor | None]:
    kept = iter(saved)
    return [ops.alias(next(kept)) if want else None for want in node.wants]


def fused_linear_cross_entropy(tape: Tape, x: Tensor, weight: Tensor, hidden: float, vocab: float) -> Tensor:
    """The output layer and the loss slice by slice: the gradients are made in the forward pass, and the logits never exist as a whole.

    Source: linkedin/Liger-Kernel, ops/fused_linear_cross_entropy.py: as many slices of the tokens as vocab / hidden, rounded up to a
    power of two, so that a slice of logits is about as large as the hidden states.
    """
    x = ops.low(tape, x)
    weight = ops.weight_cast(tape, weight, tape.amp)
    slices = 1.0
    while slices < vocab / hidden:
        slices *= 2.0
    out = tape.new(ONE, 1.0, 4)
    kept = [tape.like(x.shape)] if x.needs else []
    if weight.needs:
        kept.append(tape.new(ONE, weight.width, weight.item))
    scratch = [tape.new(x.rows, vocab / slices, x.item), tape.new(x.rows, vocab / slices, 4)]
    del scratch
    return ops._attach(tape, out, [x, weight], kept, _fused_backward)
