"""PyTorch's operators as far as memory goes: the size of the result, what is kept for the backward pass, what that allocates.

What each keeps follows tools/autograd/derivatives.yaml of PyTorch. Sizes are `width` elements per unit of the tensor's `rows`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar

from advisor.estimate.tape.tensor import ONE, Node, Param, Tape, Tensor

F = TypeVar("F", bound=Callable[..., Any])


def module(function: F) -> F:
    """A call of an nn.Module: its arguments stay alive until it returns, since `_call_impl` holds them."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return call  # type: ignore[return-value]


def alias(x: Tensor) -> Tensor:
    """The same memory as another tensor object, without history."""
    return Tensor(x.storage, x.rows, x.width, x.item, param=x.param)


def _attach(
    tape: Tape, out: Tensor, inputs: Sequence[Tensor], saved: Sequence[Tensor], backward: Any, info: Any = None
) -> Tensor:
    if tape.grad and any(x.needs for x in inputs):
        out.fn = Node(tape, inputs, saved, backward, info)
        out.needs = True
    return out


def _through(tape: Tape, node: Node, grads: Sequence[Tensor | None], saved: list[Tensor]) -> list[Tensor | None]:
    g = grads[0]
    return [alias(g) if want and g is not None else None for want in node.wants]


def view(tape: Tape, x: Tensor, rows: str = "", width: float = 0.0) -> Tensor:
    """The same memory in another shape."""
    out = Tensor(x.storage, rows or x.rows, width or x.width, x.item)
    return _attach(tape, out, [x], (), _through_shape, x.shape)


def _through_shape(tape: Tape, node: Node, grads: Sequence[Tensor | None], saved: list[Tensor]) -> list[Tensor | None]:
    g = grads[0]
    rows, width, _ = node.info
    return [Tensor(g.storage, rows, width, g.item) if g is not None else None]


def detach(x: Tensor) -> Tensor:
    out = alias(x)
    out.needs = False
    return out


def _copy_backward(tape: Tape, node: Node, grads: Sequence[Tensor | None], saved: list[Tensor]) -> list[Tensor | None]:
    return [tape.like(node.info)]


def cast(tape: Tape, x: Tensor, item: int) -> Tensor:
    """`x.to(dtype)`: the tensor itself where the type is the same."""
    if x.item == item:
        return x
    out = tape.new(x.rows, x.width, item, "casts" if x.param is not None else "")
    return _attach(tape, out, [x], (), _copy_backward, x.shape)


def copy(tape: Tape, x: Tensor) -> Tensor:
    """`x.contiguous()` of a transposed view, `clone()`; the gradient passes through as a view (contiguous) ."""
    return _attach(tape, tape.like(x.shape), [x], (), _through)


def weight_cast(tape: Tape, w: Tensor, item: int) -> Tensor:
    """A weight in autocast's dtype: made once per forward pass for trained leaves, anew at each use for frozen ones."""
    if not item or w.item == item:
        return w
    if w.param is None or not w.needs:
        return cast(tape, w, item)
    held = tape.casts.get(w.param)
    if held is None:
        held = tape.casts[w.param] = cast(tape, w, item)
    return held


def low(tape: Tape, x: Tensor) -> Tensor:
    """An fp32 tensor in autocast's dtype; any other as it is."""
    return cast(tape, x, tape.amp) if tape.amp and x.item == 4 else x


def _high(tape: Tape, x: Tensor) -> Tensor:
    return cast(tape, x, 4) if tape.amp and x.item == 2 else x


def _out(tape: Tape, x: Tensor, width: float) -> Tensor:
    return tape.new(x.rows, width, x.item)


def _linear_backward(
    tape: Tape, node: Node, grads: Sequence[Tensor | None], saved: list[Tensor]
) -> list[Tensor | None]:
    (rows, width, item), (unit, weight) = node.info
    return [
        tape.new(rows, width, item) if node.wants[0] else None,
        tape.new(unit, weight, item) if node.wants[1] else None,
        *(tape.new(ONE, grads[0].width, item) if want and grads[0] is not None else None for want in node.wants[2:]),
    ]


def matmul_weight(tape: Tape, x: Tensor, w: Tensor, out: float, bias: Tensor | None = None, rows: str = "") -> Tensor:
    """x @ w (+ bias): keeps x where w is trained, and w where x needs a gradient. [rows, in] -> [rows, out]

    `rows`: the unit of the result where the rank of an adapter comes into it or goes out of it.
    """
    x = low(tape, x)
    w = weight_cast(tape, w, tape.amp)
    inputs = [x, w]
    if bias is not None:
        inputs.append(weight_cast(tape, bias, tape.amp))
    result = tape.new(rows or x.rows, out, x.item)
    if not (tape.grad and any(i.needs for i in inputs)):
        return result
    saved = ([x] if w.needs else []) + ([w] if x.needs else [])
    result.fn = Node(tape, inputs, saved, _linear_backward, (x.shape, (w.rows, w.width)))
    result.needs = True
    return result


def _mul_backward(tape: Tape, node: Node, grads: Sequence[Tensor | None], saved: list[Tensor]) -> list[Tensor | None]:
    shape_a, shape_b, full = node.info
    shapes = (shape_a, shape_b)
    # Both products are there in full before the engine sums them over the broadcast dimensions.
    out: list[Tensor | None] = [
        tape.new(full[0], full[1], shape[2]) if want else None for want, shape in zip(node.wants, shapes, strict=True)
    ]
    for place, shape in enumerate(shapes):
        whole = out[place]
        if whole is not None and whole.shape[:2] != shape[:2]:
            out[place] = tape.like(shape)
    return out


def _larger(a: Tensor, b: Tensor) -> Tensor:
    """The operand whose shape the broadcast result has."""
    if a.rows == b.rows:
        return a if a.width >= b.width else b
    if a.rows == ONE or (a.rows in b.rows and len(a.rows) < len(b.rows)):
        return b
    return a


def mul(tape: Tape, a: Tensor, b: Tensor) -> Tensor:
    """a * b with broadcasting; keeps each operand that the other's gradient needs."""
    big = _larger(a, b)
    out = tape.new(big.rows, big.width, max(a.item, b.item))
    saved = ([b] if a.needs else []) + ([a] if b.needs else [])
    return _attach(tape, out, [a, b], saved, _mul_backward, (a.shape, b.shape, out.shape))


def _add_backward(tape: Tape, node: Node, grads: Sequence[Tensor | None], saved: list[Tensor]) -> list[Tensor | None]:
    g = grads[0]
    out: list[Tensor | None] = []
    for want, shape in zip(node.wants, node.info, strict=True):
        if not want or g is None:
            out.append(None)
        elif g.shape != shape:
            out.append(tape.like(shape))
        else:
            out.append(alias(g))
    return out


def add(tape: Tape, a: Tensor, b: Tensor) -> Tensor:
    """a + b with broadcasting; keeps nothing."""
    big = _larger(a, b)
    out = tape.new(big.rows, big.width, max(a.item, b.item))
    return _attach(tape, out, [a, b], (), _add_backward, (a.shape, b.shape))


def add_(tape: Tape, a: Tensor, b: Tensor) -> Tensor:
    """a += b: the memory of a."""
    out = Tensor(a.storage, a.rows, a.width, a.item)
    return _attach(tape, out, [a, b], (), _add_backward, (a.shape, b.shape))


def scale(tape: Tape, x: Tensor) -> Tensor:
    """x * number, x / number, -x, x + number: a new tensor, nothing kept; so is its gradient."""
    return _attach(tape, tape.like(x.shape), [x], (), _copy_backward, x.shape)


def scale_(tape: Tape, x: Tensor) -> Tensor:
    """An elementwise change in place that keeps nothing; its gradient is a new tensor."""
    out = Tensor(x.storage, x.rows, x.width, x.item)
    return _attach(tape, out, [x], (), _copy_backward, x.shape)


def sum_over(tape: Tape, x: Tensor, count: float) -> Tensor:
    """The sum over a dimension of `count`; its gradient is the same memory, spread by strides."""
    out = tape.new(x.rows, x.width / count, x.item)
    return _attach(tape, out, [x], (), _spread)


def _spread(tape: Tape, node: Node, grads: Sequence[Tensor | None], saved: list[Tensor]) -> list[Tensor | None]:
    g = grads[0]
    return [alias(g) if g is not None else None]


def shift(tape: Tape, x: Tensor) -> Tensor:
    """x + number: a new tensor, nothing kept, the gradient passes through."""
    return _attach(tape, tape.like(x.shape), [x], (), _through)


def unary(tape: Tape, x: Tensor, keep: str = "input", temporaries: int = 0) -> Tensor:
    """An elementwise function that keeps its input (silu, gelu, pow, relu by result ...) or its `result` (tanh, sigmoid, relu).

    `temporaries` tensors of its size live in its backward beside the gradients.
    """
    out = tape.like(x.shape)
    if tape.grad and x.needs:
        out.fn = Node(tape, [x], [], _unary_backward, (x.shape, temporaries))
        out.fn.saved = tape.pack([x if keep == "input" else alias(out)])
        out.needs = True
    return out


def _unary_backward(tape: Tape, node: Node, grads: Sequence[Tensor | None], saved: list[Tensor]) -> list[Tensor | None]:
    shape, temporaries = node.info
    extra = [tape.like(shape) for _ in range(temporaries)]
    out = tape.like(shape)
    del extra
    return [out]


def slice_last(tape: Tape, x: Tensor, share: float) -> Tensor:
    """A view of part of the last dimension; its backward makes a whole tensor of zeros."""
    out = Tensor(x.storage, x.rows, x.width * share, x.item)
    return _attach(tape, out, [x], (), _copy_backward, x.shape)


def index(tape: Tape, x: Tensor, share: float) -> Tensor:
    """x[..., [i], :]: a copy of part of the last dimension; its backward puts it into a whole tensor of zeros."""
    out = tape.new(x.rows, x.width * share, x.item)
    return _attach(tape, out, [x], (), _copy_backward, x.shape)


def select(tape: Tape, x: Tensor, rows: str, width: float) -> Tensor:
    """x[:, 0]: a view; its backward makes a whole tensor of zeros."""
    out = Tensor(x.storage, rows, width, x.item)
    return _attach(tape, out, [x], (), _copy_backward, x.shape)


def repeat_rows(tape: Tape, x: Tensor, rows: str, count: float) -> Tensor:
    """x.repeat(n, 1, 1): `count` rows of x copied for each of `rows`; the gradient is summed over them."""
    out = tape.new(rows, x.width * count, x.item)
    return _attach(tape, out, [x], (), _copy_backward, x.shape)


def gather(tape: Tape, x: Tensor, places: Tensor, rows: str, width: float) -> Tensor:
    """torch.gather: keeps the places and its input."""
    out = tape.new(rows, width, x.item)
    return _attach(tape, out, [x], [x, places], _copy_backward, x.shape)


def masked_fill(tape: Tape, x: Tensor, mask: Tensor) -> Tensor:
    """x.masked_fill(mask, value): a new tensor; keeps the mask."""
    return _attach(tape, tape.like(x.shape), [x], [mask], _copy_backward, x.shape)


def leaf(x: Tensor) -> Tensor:
    """A tensor that asks for a gradient of its own."""
    return Tensor(x.storage, x.rows, x.width, x.item, param=Param("leaf", "@input", (1.0, x.width), x.item, True))


def where(tape: Tape, x: Tensor, rows: str, width: float, condition: Tensor) -> Tensor:
    """torch.where(condition, x, number) with broadcasting: keeps the condition."""
    out = tape.new(rows, width, x.item)
    return _attach(tape, out, [x], [condition], _where_backward, (x.shape, out.shape))


def _where_backward(tape: Tape, node: Node, grads: Sequence[Tensor | None], saved: list[Tensor]) -> list[Tensor | None]:
    shape, full = node.info
    whole = tape.like(full)
    return [whole if shape == full else tape.like(shape)]


def pad(tape: Tape, x: Tensor) -> Tensor:
    """F.pad: a copy; so is its gradient."""
    return _attach(tape, tape.like(x.shape), [x], (), _copy_backward, x.shape)


def cut(tape: Tape, x: Tensor, rows: str, width: float) -> Tensor:
    """x[:, 1:]: a view of part of the rows; its backward makes a whole tensor of zeros."""
    out = Tensor(x.storage, rows, width, x.item)
    return _attach(tape, out, [x], (), _copy_backward, x.shape)


def token_mean(tape: Tape, x: Tensor, rows: str, width: float) -> Tensor:
    """The mean over the tokens."""
    return _attach(tape, tape.new(rows, width, x.item), [x], (), _copy_backward, x.shape)


def masked_scatter(tape: Tape, x: Tensor, source: Tensor, mask: Tensor) -> Tensor:
    """x.masked_scatter(mask, source): a new tensor; keeps the mask."""
    scratch = tape.new(x.rows, 9.0, 1)
    out = tape.like(x.shape)
    del scratch
    return _attach(tape, out, [x, source], [mask], _both_copied, (x.shape, source.shape))


def _both_copied(tape: Tape, node: Node, grads: Sequence[Tensor | None], saved: list[Tensor]) -> list[Tensor | None]:
    return [tape.like(shape) if want else None for want, shape in zip(node.wants, node.info, strict=True)]


def where_two(tape: Tape, a: Tensor, b: Tensor, condition: Tensor) -> Tensor:
    """torch.where(condition, a, b): keeps the condition."""
    return _attach(tape, tape.like(b.shape), [a, b], [condition], _both_copied, (a.shape, b.shape))


def index_put_(tape: Tape, x: Tensor, values: Tensor) -> Tensor:
    """x[mask] = values in place."""
    out = Tensor(x.storage, x.rows, x.width, x.item)
    return _attach(tape, out, [x, values], (), _both_copied, (x.shape, values.shape))


def split(tape: Tape, x: Tensor, *shares: float) -> list[Tensor]:
    """Views of the parts of the last dimension; the backward joins the parts' gradients in one new tensor."""
    parts = [Tensor(x.storage, x.rows, x.width * share, x.item) for share in shares]
    if tape.grad and x.needs:
        node = Node(tape, [x], (), _copy_backward, x.shape, outputs=len(parts))
        for place, part in enumerate(parts):
            part.fn, part.index, part.needs = node, place, True
    return parts


def _cat_backward(tape: Tape, node: Node, grads: Sequence[Tensor | None], saved: list[Tensor]) -> list[Tensor | None]:
    g = grads[0]
    if g is None:
        return [None for _ in node.wants]
    return [
        Tensor(g.storage, rows, width, item) if want else None
        for want, (rows, width, item) in zip(node.wants, node.info, strict=True)
    ]


def cat(tape: Tape, parts: Sequence[Tensor], rows: str = "", width: float = 0.0) -> Tensor:
    """torch.cat: a new tensor; the gradients are views of the whole gradient. `rows`, `width`: joined along the tokens."""
    width = width or sum(part.width for part in parts)
    out = tape.new(rows or parts[0].rows, width, max(part.item for part in parts))
    return _attach(tape, out, list(parts), (), _cat_backward, [part.shape for part in parts])


def bmm(tape: Tape, a: Tensor, b: Tensor, rows: str, width: float) -> Tensor:
    """A batched product of two activations: keeps both. The caller names the result's shape."""
    a, b = low(tape, a), low(tape, b)
    out = tape.new(rows, width, max(a.item, b.item))
    saved = ([b] if a.needs else []) + ([a] if b.needs else [])
    return _attach(tape, out, [a, b], saved, _bmm_backward, (a.shape, b.shape))


def _bmm_backward(tape: Tape, node: Node, grads: Sequence[Tensor | None], saved: list[Tensor]) -> list[Tensor | None]:
    return [tape.like(shape) if want else None for want, shape in zip(node.wants, node.info, strict=True)]


def softmax(tape: Tape, x: Tensor, fp32: bool = False) -> Tensor:
    """softmax over the last dimension: keeps its result. `fp32`: softmax(x, dtype=torch.float32)."""
    if fp32 or tape.amp:
        x = cast(tape, x, 4)
    return unary(tape, x, keep="result")


def dropout(tape: Tape, x: Tensor, p: float) -> Tensor:
    """Dropout in training keeps a mask of one byte per element."""
    if not p:
        return x
    out = tape.like(x.shape)
    mask = tape.new(x.rows, x.width, 1)
    return _attach(tape, out, [x], [mask], _copy_backward, x.shape)
