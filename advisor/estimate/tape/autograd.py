"""The backward pass over a recorded graph, in PyTorch's order, with its rules for who owns a gradient; and checkpointing."""

from __future__ import annotations

import heapq
import sys
import weakref
from collections.abc import Callable, Sequence
from typing import Any, cast

from advisor.estimate.tape.tensor import Node, Param, Storage, Tape, Tensor

# References to an object held by one owner and by the question itself.
_SOLE = 2
# The scope of the leaves that stand for a checkpointed layer's inputs.
_INPUT = "@input"


def _accumulate(tape: Tape, old: Tensor, new: Tensor) -> Tensor:
    """The engine's sum of two gradients: in place where nobody else holds the first (torch InputBuffer::accumulate)."""
    storage = old.storage
    if storage is not None and sys.getrefcount(storage) <= _SOLE + 1:  # the tensor's slot, the local name, the argument
        return old
    return tape.new(old.rows, old.width, max(old.item, new.item))


def _store_grad(tape: Tape, param: Param, grad: Tensor) -> None:
    """AccumulateGrad: keep the gradient itself when it is not shared, else a copy; add in place to one that is there."""
    if param.grad is not None or (tape.mode.accumulated and param.scope != _INPUT):
        return
    storage = grad.storage
    if storage is not None and sys.getrefcount(storage) <= _SOLE + 1:
        if param.scope != _INPUT:
            storage.become("gradients")
        param.grad = grad
        return
    param.grad = tape.new(grad.rows, grad.width, grad.item, "gradients" if param.scope != _INPUT else "")


def _dependencies(root: Node) -> dict[Node | Param, int]:
    counts: dict[Node | Param, int] = {root: 0}
    stack: list[Node] = [root]
    while stack:
        for edge in stack.pop().edges:
            if edge is None:
                continue
            after = edge[0]
            if after in counts:
                counts[after] += 1
            else:
                counts[after] = 1
                if isinstance(after, Node):
                    stack.append(after)
    return counts


def backward(tape: Tape, loss: Tensor, grad: Tensor | None = None) -> None:
    """Run the backward pass from `loss`; frees what the graph kept as it goes.

    Nodes run when all that flows into them is there, the latest made first; a parameter's turn comes at once.
    """
    root = loss.fn
    if root is None:
        return
    index = loss.index
    waiting = _dependencies(root)
    buffers: dict[Node | Param, list[Tensor | None]] = {root: [None] * root.outputs}
    buffers[root][index] = grad if grad is not None else tape.new(loss.rows, loss.width, loss.item)
    del loss, grad
    ready: list[tuple[int, int, Node]] = [(-root.seq, id(root), root)]
    del root
    tape.grad, outer = False, tape.grad
    while ready:
        node = heapq.heappop(ready)[2]
        if node.scope != tape.scope:
            tape.mark(node.scope)
        flowing = buffers.pop(node)
        saved = unpack(tape, node.saved)
        results = list(node.backward(tape, node, flowing, saved))
        node.saved.clear()
        del saved, flowing
        for position, edge in enumerate(node.edges):
            if edge is None:
                continue
            result, results[position] = results[position], None
            _deliver(tape, edge, result, buffers, waiting, ready)
            del result
        del node, results
    tape.grad = outer


def _deliver(
    tape: Tape,
    edge: tuple[Node | Param, int],
    result: Tensor | None,
    buffers: dict[Node | Param, list[Tensor | None]],
    waiting: dict[Node | Param, int],
    ready: list[tuple[int, int, Node]],
) -> None:
    """Hand one gradient to where it goes, and make that ready once everything it waits for is there."""
    target, slot = edge
    if result is not None:
        buffer = buffers.get(target)
        if buffer is None:
            buffer = buffers[target] = [None] * (target.outputs if isinstance(target, Node) else 1)
        old, buffer[slot] = buffer[slot], None
        if old is None:
            buffer[slot] = result
        else:
            buffer[slot] = _accumulate(tape, old, result)
        del old, buffer
    del result
    waiting[target] -= 1
    if waiting[target]:
        return
    if isinstance(target, Param):
        held = buffers.pop(target, None)
        if held is not None and held[0] is not None:
            grad, held[0] = held[0], None
            _store_grad(tape, target, grad)
    elif target in buffers:
        heapq.heappush(ready, (-target.seq, id(target), target))


class Holder:
    """The place of a tensor that a checkpointed layer would have kept: empty until the layer has been run again."""

    __slots__ = ("__weakref__", "frame", "tensor")

    def __init__(self, frame: Frame) -> None:
        self.frame: Frame | None = frame
        self.tensor: Tensor | None = None


class Frame:
    """One checkpointed call: its function and inputs, and the holders of what it would have kept."""

    __slots__ = ("args", "autocast", "done", "function", "holders", "scope")

    def __init__(self, tape: Tape, function: Callable[..., Any], args: tuple[Tensor | None, ...]) -> None:
        self.function, self.args, self.scope, self.autocast = function, args, tape.scope, tape.autocast_on
        self.holders: list[weakref.ref[Holder]] = []
        self.done = False

    def pack(self, saved: Sequence[Tensor]) -> list[object]:
        holders = [Holder(self) for _ in saved]
        self.holders.extend(weakref.ref(holder) for holder in holders)
        return list(holders)


class _Enough(Exception):
    """All that the layer had kept is there again: the rest of it need not run."""


def unpack(tape: Tape, saved: Sequence[object]) -> list[Tensor]:
    """The tensors that a node kept; runs a checkpointed layer again when the first of its holders is asked."""
    found: list[Tensor] = []
    for item in saved:
        if isinstance(item, Holder):
            if item.tensor is None and item.frame is not None:
                _recompute(tape, item.frame)
            found.append(cast(Tensor, item.tensor))
        else:
            found.append(cast(Tensor, item))
    return found


def _recompute(tape: Tape, frame: Frame) -> None:
    """Non-reentrant recomputation: the forward code again, stopped early, its kept tensors put into the holders.

    Source: torch/utils/checkpoint.py, `_checkpoint_without_reentrant_generator`.
    """
    total, place = len(frame.holders), 0

    def pack(kept: Sequence[Tensor]) -> list[object]:
        nonlocal place
        for tensor in kept:
            holder = frame.holders[place]()
            if holder is not None:
                holder.tensor = Tensor(tensor.storage, tensor.rows, tensor.width, tensor.item, param=tensor.param)
            place += 1
            if place >= total:
                raise _Enough
        return list(kept)

    state = tape.hook, tape.grad, tape.scope, tape.autocast_on, tape.category
    casts, tape.casts = tape.casts, {}
    tape.hook, tape.grad, tape.autocast_on, tape.category = pack, True, frame.autocast, "recomputed"
    try:
        # The inputs come back detached but still asking for gradients.
        frame.function(*frame.args)
    except _Enough:
        pass
    finally:
        tape.hook, tape.grad, tape.scope, tape.autocast_on, tape.category = state
        tape.casts = casts


def checkpoint(tape: Tape, function: Callable[..., Any], *args: Tensor | None) -> Any:
    """Run `function` keeping only its inputs, as gradient checkpointing does; plain call where checkpointing is off."""
    kind = tape.mode.checkpoint
    if not kind or not tape.grad:
        return function(*args)
    if kind == "reentrant":
        return _reentrant(tape, function, args)
    frame = Frame(tape, function, args)
    outer, tape.hook = tape.hook, frame.pack
    try:
        return function(*args)
    finally:
        tape.hook = outer


def _reentrant(tape: Tape, function: Callable[..., Any], args: tuple[Tensor | None, ...]) -> Tensor:
    """Reentrant checkpointing: forward without a graph, and in the backward pass a whole forward and backward of the layer."""
    tape.grad = False
    out: Tensor = function(*args)
    tape.grad = True
    result = Tensor(out.storage, out.rows, out.width, out.item)
    inputs = [x for x in args if x is not None]
    places = [x is not None for x in args]
    node = Node(tape, inputs, inputs, _reentrant_backward, (function, tape.autocast_on, places))
    if any(node.wants):
        result.fn, result.needs = node, True
    return result


def _reentrant_backward(
    tape: Tape, node: Node, grads: Sequence[Tensor | None], saved: list[Tensor]
) -> Sequence[Tensor | None]:
    function, autocast, places = node.info
    leaves = [Param("input", _INPUT, (1.0, x.width), x.item, want) for x, want in zip(saved, node.wants, strict=True)]
    given = iter(Tensor(x.storage, x.rows, x.width, x.item, param=leaf) for x, leaf in zip(saved, leaves, strict=True))
    state = tape.autocast_on, tape.category
    casts, tape.casts = tape.casts, {}
    tape.grad, tape.autocast_on, tape.category = True, autocast, "recomputed"
    out = function(*[next(given) if there else None for there in places])
    tape.autocast_on, tape.category = state
    tape.casts = casts
    backward(tape, out, grads[0])
    tape.grad = False
    return [leaf.grad for leaf in leaves]


__all__ = ["Storage", "backward", "checkpoint", "unpack"]
