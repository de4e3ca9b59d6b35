"""What a run keeps from step to step: weights, gradients, optimizer states, and the temporaries of the optimizer's step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from advisor.estimate.allocator import unsplit_bytes
from advisor.estimate.tape.tensor import Param


class Weights(Struct, frozen=True):
    """Parameters of one kind: `count` tensors of `numel` elements each, `item` bytes per element (`packed` bytes in all).

    `low_rank`: halves of adapters, whose side of length 1 stands for the rank.
    """

    name: str
    scope: str
    shape: tuple[float, float]
    numel: float
    item: float
    count: float
    trainable: bool
    nbytes: float
    low_rank: bool = False


def of_rank(weights: tuple[Weights, ...], rank: int) -> tuple[Weights, ...]:
    """The same with adapters of a rank."""
    if rank == 1 or not any(w.low_rank for w in weights):
        return weights
    return tuple(_widened(w, float(rank)) if w.low_rank else w for w in weights)


def _widened(w: Weights, rank: float) -> Weights:
    shape = (rank, w.shape[1]) if w.shape[0] == 1.0 else (w.shape[0], rank)
    return replace(w, shape=shape, numel=w.numel * rank, nbytes=w.nbytes * rank)


def collect(params: Iterable[Param]) -> tuple[Weights, ...]:
    """The parameters of a recording, with the layers that one recorded layer stands for."""
    return tuple(
        Weights(
            p.name, p.scope, p.shape, p.numel, p.item, p.times, p.trainable, p.packed or p.numel * p.item, p.low_rank
        )
        for p in params
    )


class Totals(Struct, frozen=True):
    """Sums over a model's parameters, bytes unless said otherwise.

    Attributes:
        weights: all weights. trained: trained weights. trained_params, params: element counts.
        largest, largest_item: elements of the largest trained tensor, and bytes of each. rows_and_columns: of all trained matrices.
        unsplit, unsplit_all: bytes that the allocator adds to one copy of the trained weights, and to all weights.
    """

    weights: float
    trained: float
    params: float
    trained_params: float
    largest: float
    largest_item: float
    rows_and_columns: float
    unsplit: float
    unsplit_all: float


def totals(weights: Sequence[Weights]) -> Totals:
    every = trained = params = trained_params = largest = item = factors = 0.0
    for w in weights:
        every += _round(w.nbytes) * w.count
        params += w.numel * w.count
        if not w.trainable:
            continue
        trained += _round(w.nbytes) * w.count
        trained_params += w.numel * w.count
        factors += (w.shape[0] + w.shape[1] if min(w.shape) > 1 else w.numel) * w.count
        if w.numel * w.item > largest * item:
            largest, item = w.numel, w.item
    trained_waste = unsplit_bytes(_in_order(w for w in weights if w.trainable))
    all_waste = unsplit_bytes(_in_order(weights))
    return Totals(every, trained, params, trained_params, largest, item, factors, trained_waste, all_waste)


def _in_order(weights: Iterable[Weights]) -> list[tuple[list[float], int]]:
    """Sizes in the order of the layers, with how many layers the one recorded layer stands for."""
    layers: list[tuple[list[float], int]] = []
    scope: str | None = None
    for w in weights:
        if w.scope != scope:
            scope = w.scope
            layers.append(([], max(1, int(w.count))))
        layers[-1][0].append(w.nbytes)
    return layers


def _round(size: float) -> float:
    """The caching allocator's granularity, 512 bytes."""
    return -(-size // 512) * 512


class OptimizerCost(Struct, frozen=True):
    """Bytes of the states that stay, and of the temporaries at the worst moment of a step; with the formula."""

    states: float
    temporaries: float
    formula: str


def _ceil_blocks(params: float) -> float:
    """8-bit states: one byte, and a float per block of 256 (bitsandbytes blockwise quantisation)."""
    return params * (1.0 + 4.0 / 256)


def optimizer_cost(name: str, implementation: str, t: Totals) -> OptimizerCost:
    """States and temporaries of one step.

    States have the dtype of the weights (torch.optim), so `trained` bytes are one state. Temporaries: the `foreach` form of Adam takes
    the square root of all second moments at once (torch/optim/adam.py, _multi_tensor_adam); the loop form holds two tensors of the
    largest weight; fused kernels take none.
    """
    big = t.largest * t.largest_item
    short = name.lower().removeprefix("torch_").removesuffix("_torch")
    if short in ("sgd", "adam_mini_none"):
        return OptimizerCost(0.0, 0.0, "no state")
    if short in ("sgd_momentum", "momentum", "lion", "signsgd", "muon_momentum"):
        return OptimizerCost(t.trained, 0.0 if "sgd" in short else big, "1 state of the weights' size")
    if "adafactor" in short:
        # Row and column means in fp32; a step works on one tensor: its square and update, and fp32 copies of a 16-bit gradient and weight
        # (transformers/optimization.py, Adafactor.step).
        fp32 = t.largest * 4.0
        return OptimizerCost(
            t.rows_and_columns * 4.0,
            4.0 * fp32 if t.largest_item == 2 else 2.0 * fp32,
            "rows + columns of each weight, fp32",
        )
    if "8bit" in short:
        states = _ceil_blocks(t.trained_params) * (1.0 if "lion" in short else 2.0)
        return OptimizerCost(0.0 if short.startswith("paged") else states, 0.0, "2 states of 1 byte + 4/256")
    if short.startswith("paged"):
        return OptimizerCost(0.0, 0.0, "states in pageable memory")
    temporaries = {"fused": 0.0, "loop": 2.0 * big}.get(implementation, t.trained)
    return OptimizerCost(2.0 * t.trained, temporaries, "2 states of the weights' size")
