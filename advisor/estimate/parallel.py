"""How parallelism divides a model: what one device holds of weights, gradients and optimizer states, and the buffers it adds."""

from __future__ import annotations

from functools import lru_cache

import re2
from msgspec import Struct

MB = 2.0**20


class Axes(Struct, frozen=True):
    """The axes of parallelism.

    Attributes:
        world: devices. tp, pp, cp, ep, sp: tensor, pipeline, context, expert and (Ulysses, ring) sequence parallel sizes.
        zero: ZeRO stage, 0 without. fsdp: fully sharded. shards: devices that a sharded state is divided over.
        ddp: replicas with bucketed gradients. device_map: layers dealt over the devices. megatron: Megatron's distributed optimizer.
    """

    world: int = 1
    tp: int = 1
    pp: int = 1
    cp: int = 1
    ep: int = 1
    sp: int = 1
    zero: int = 0
    fsdp: bool = False
    shards: int = 1
    ddp: bool = False
    device_map: bool = False
    megatron: bool = False

    @property
    def dp(self) -> int:
        """Replicas of the dense part: world / (tp * pp * cp)."""
        return max(1, self.world // (self.tp * self.pp * self.cp))

    @property
    def model_parallel(self) -> int:
        return self.tp * self.pp


_AXIS = re2.compile(r"(tp|pp|cp|ep|sp)\s*[=:_-]?\s*(\d+)")
_ZERO = re2.compile(r"zero[\s_-]*(\d)")
_FSDP = re2.compile(r"(?:fsdp|hsdp)\s*(\d*)")


@lru_cache(maxsize=1024)
def axes_of(parallelism: str, gpu_count: int, zero_stage: int | None = None, fsdp: bool = False) -> Axes:
    """The axes that the words mean: `zero3+sp4`, `fsdp`, `tp2+pp2`, `megatron tp4 pp1 ep8 cp1`, `device_map`, `ddp`; `tp` over all."""
    words = f"tp{gpu_count}" if parallelism == "tp" else parallelism.lower()
    axes = {"tp": 1, "pp": 1, "cp": 1, "ep": 1, "sp": 1}
    for match in _AXIS.finditer(words):
        axes[str(match.group(1))] = max(1, int(match.group(2)))
    zero_found = _ZERO.search(words)
    zero = int(zero_found.group(1)) if zero_found else (zero_stage or 0)
    fsdp_found = _FSDP.search(words)
    sharded = fsdp or fsdp_found is not None
    wanted = axes["tp"] * axes["pp"] * axes["cp"]
    world = max(1, gpu_count, wanted)
    shards = int(fsdp_found.group(1)) if fsdp_found and fsdp_found.group(1) else max(1, world // wanted)
    if zero == 0 and not sharded:
        shards = 1
    return Axes(
        world=world, zero=zero, fsdp=sharded, shards=shards, ddp="ddp" in words or "dp" in words.split("+"),
        device_map="device_map" in words or "device-map" in words, megatron="megatron" in words or "mcore" in words, **axes,
    )  # fmt: skip


FLAT_BLOCKS = frozenset({"litgpt", "lightning"})
"""Programs that wrap whole blocks by FullyShardedDataParallel with the original parameters kept, so that a block's adapters and frozen
weights are one flat tensor with one gradient (https://github.com/Lightning-AI/litgpt/blob/main/litgpt/finetune/lora.py,
https://github.com/Lightning-AI/pytorch-lightning/blob/master/src/lightning/fabric/strategies/fsdp.py). PEFT's wrapping policy puts
trained modules in units of their own, and FSDP2 shards each parameter by itself."""
FLAT_STEP = 6.0
"""Bytes of a partition's weight that DeepSpeed's step needs beside its gradients: they are joined in one flat tensor (2), which is
copied to fp32 (4); the fused kernels of its optimizers have no temporaries of their own.
https://github.com/deepspeedai/DeepSpeed/blob/master/deepspeed/runtime/zero/stage_1_and_2.py (step)"""
SUB_GROUP = 1e9
"""Weights of a partition that ZeRO-3 updates at once, `sub_group_size` (https://www.deepspeed.ai/docs/config-json/)."""


class Weights(Struct, frozen=True):
    """Counts of weights: all of them, those of routed experts, the trained ones, the largest block's and the largest tensor's.

    graded: frozen ones that get gradients as well, because they lie in one flat tensor with trained ones.
    """

    total: float
    trained: float
    experts: float = 0.0
    largest_block: float = 0.0
    embeddings: float = 0.0
    largest_tensor: float = 0.0
    graded: float = 0.0


class Bytes(Struct, frozen=True):
    """Bytes of a weight, of its gradient, of its optimizer states (a master copy included), and of temporaries in the step."""

    weight: float = 2.0
    gradient: float = 2.0
    state: float = 8.0
    step: float = 4.0


class DeviceStates(Struct, frozen=True):
    """What one device holds, bytes. `gathered`: layers assembled for computing; `buffers`: communication; `step`: in the update."""

    weights: float
    gradients: float
    optimizer: float
    gathered: float = 0.0
    buffers: float = 0.0
    step: float = 0.0


class Buckets(Struct, frozen=True):
    """DeepSpeed's buckets in elements; HF's `auto` sets reduce and prefetch from the hidden size.

    https://www.deepspeed.ai/docs/config-json/#zero-optimizations-for-fp16-training
    """

    reduce: float = 5e8
    allgather: float = 5e8
    prefetch: float = 5e7
    overlap: bool = True


def auto_buckets(hidden: float) -> Buckets:
    """The integration's `auto`: reduce = h**2, prefetch = 0.9 h**2.

    https://huggingface.co/docs/transformers/deepspeed (zero-3 auto values)
    """
    return Buckets(reduce=hidden * hidden, allgather=5e8, prefetch=0.9 * hidden * hidden)


def states_of(
    axes: Axes,
    weights: Weights,
    size: Bytes,
    offload: str = "none",
    accumulates: bool = False,
    buckets: Buckets | None = None,
) -> DeviceStates:
    """What one device holds under the axes.

    none:      w P, g T, s T
    DDP:       as none, and a bucket for each gradient (gradient_as_bucket_view is off by default): g T
    ZeRO-1:    w P, g T, s T / N              ZeRO-2: w P, g T / N and the reduce buckets, s T / N
    ZeRO-3:    w P / N, g T / N, s T / N and gathered layers: the largest block and the prefetched elements
    FSDP:      as ZeRO-3 with two blocks gathered; while gradients accumulate without synchronisation they stay whole, g T, and
               where blocks are flat tensors with frozen weights in them, w (P - T) on top
    tensor, pipeline, expert: P is divided by tp * pp, experts by ep too; Megatron's optimizer shards over its replicas.
    `offload` moves optimizer states, gradients or weights to host memory.

    https://arxiv.org/abs/1910.02054 (ZeRO), https://docs.pytorch.org/docs/stable/fsdp.html (no_sync),
    https://docs.pytorch.org/docs/stable/generated/torch.nn.parallel.DistributedDataParallel.html
    """
    bucket = buckets or Buckets()
    if axes.megatron or axes.model_parallel > 1 or axes.ep > 1:
        return _model_parallel(axes, weights, size, offload)
    share = axes.shards
    whole_weights, whole_gradients = size.weight * weights.total, size.gradient * weights.trained
    whole_states = size.state * weights.trained
    step = size.step * weights.trained
    if axes.device_map:
        part = max(1, axes.world)
        return DeviceStates(whole_weights / part, whole_gradients / part, whole_states / part, step=step / part)
    if axes.fsdp:
        block = size.weight * weights.largest_block
        whole_gradients += size.weight * weights.graded
        gradients = whole_gradients if accumulates else whole_gradients / share + min(block, whole_gradients)
        held = _kept(offload, whole_weights / share, gradients, whole_states / share, step / share)
        return _with(held, gathered=2 * block + size.weight * weights.embeddings)
    if axes.zero == 3:
        gathered = size.weight * min(weights.total, weights.largest_block + 2 * bucket.prefetch + weights.embeddings)
        reduce = 2.0 * min(bucket.reduce, weights.trained) * (2 if bucket.overlap else 1)
        held = _kept(
            offload,
            whole_weights / share,
            whole_gradients / share,
            whole_states / share,
            min(step / share, FLAT_STEP * SUB_GROUP),
        )
        return _with(held, gathered=gathered, buffers=reduce)
    if axes.zero == 2:
        reduce = 2.0 * min(bucket.reduce, weights.trained) * (2 if bucket.overlap else 1)
        held = _kept(offload, whole_weights, whole_gradients / share, whole_states / share, step / share)
        return _with(held, buffers=reduce + _way_out(offload, weights, size))
    if axes.zero == 1:
        return _kept(offload, whole_weights, whole_gradients, whole_states / share, step / share)
    held = _kept(offload, whole_weights, whole_gradients, whole_states, step)
    return _with(held, buffers=whole_gradients) if axes.ddp and axes.world > 1 else held


def _with(held: DeviceStates, gathered: float = 0.0, buffers: float = 0.0) -> DeviceStates:
    return DeviceStates(held.weights, held.gradients, held.optimizer, gathered, buffers, held.step)


def _way_out(offload: str, weights: Weights, size: Bytes) -> float:
    """ZeRO-2 with its optimizer in host memory: a buffer on the card for the gradient of the largest trained tensor.

    https://github.com/deepspeedai/DeepSpeed/blob/master/deepspeed/runtime/zero/stage_1_and_2.py (temp_grad_buffer_for_gpu_offload)
    """
    return size.gradient * min(weights.largest_tensor, weights.trained) if offload in _STATES_AWAY else 0.0


_STATES_AWAY = ("optimizer", "both", "optimizer+grads")


def _kept(offload: str, weights: float, gradients: float, states: float, step: float) -> DeviceStates:
    """What stays on the device: optimizer states leave with `optimizer`, their gradients and weights with the rest."""
    away = {"optimizer": (0, 1, 1), "params": (1, 0, 0), "both": (1, 1, 1), "optimizer+grads": (0, 1, 1)}
    no_weights, no_states, small_gradients = away.get(offload, (0, 0, 0))
    return DeviceStates(
        0.0 if no_weights else weights, gradients * (0.0 if small_gradients else 1.0), 0.0 if no_states else states,
        step=0.0 if no_states else step,
    )  # fmt: skip


def _model_parallel(axes: Axes, weights: Weights, size: Bytes, offload: str) -> DeviceStates:
    """Tensor, pipeline and expert parallelism with Megatron's optimizer: (w + g + s / dp) * P / (tp * pp).

    Experts are divided by pp * ep, their states by the replicas of that group
    (https://github.com/NVIDIA/Megatron-LM/blob/main/megatron/core/transformer/moe/README.md).
    """
    dense = (weights.total - weights.experts) / axes.model_parallel
    expert_parts = max(axes.pp * axes.ep, 1)  # expert tensor parallelism is 1 unless asked for
    experts = weights.experts / min(expert_parts, max(axes.world, 1))
    replicas = axes.dp
    expert_replicas = max(1, axes.world // expert_parts)
    trained = weights.trained / weights.total if weights.total else 0.0
    held_states = size.state * trained * (dense / replicas + experts / expert_replicas)
    return DeviceStates(
        0.0 if offload in ("params", "both") else size.weight * (dense + experts),
        size.gradient * trained * (dense + experts),
        0.0 if offload in ("optimizer", "both", "optimizer+grads") else held_states,
        step=0.0,
    )


def activation_share(axes: Axes) -> float:
    """Share of a sequence's activations on one device: 1 / (tp * cp * sp); Megatron's sequence parallelism goes with tp.

    https://arxiv.org/abs/2205.05198, section 4.2
    """
    return 1.0 / (axes.tp * axes.cp * axes.sp)


def layer_share(axes: Axes) -> float:
    """Share of the layers on one device; the first pipeline stage holds as many micro-batches as there are stages."""
    if axes.device_map:
        return 1.0 / max(1, axes.world)
    return 1.0


NCCL_BYTES = 0.35 * 2.0**30
"""NCCL's channels and their own kernels of one communicator, outside of PyTorch's allocator
(https://docs.nvidia.com/deeplearning/nccl/user-guide/docs/env.html, NCCL_BUFFSIZE 4 MiB a channel and peer)."""
