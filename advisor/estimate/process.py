"""What a process holds beyond its live tensors: the device context, libraries' workspaces, the allocator's cache."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from advisor.units import GIB

MIB = 2**20

# Context with PyTorch's kernels loaded lazily (CUDA 11.7 and later), in MiB, by architecture: it grows with the number of
# multiprocessors and with the kernels of the libraries used. https://pytorch.org/docs/stable/notes/cuda.html (memory management).
_CONTEXT_MIB: Mapping[str, float] = {
    "kepler": 180, "maxwell": 200, "pascal": 220, "volta": 320, "turing": 260, "ampere": 420, "ada": 400, "hopper": 540,
    "blackwell": 560, "cdna": 600, "cdna2": 700, "cdna3": 800, "rdna2": 300, "rdna3": 350,
}  # fmt: skip
_USUAL_CONTEXT_MIB = 420.0
_LOADED_MIB = 80.0
"""Kernels of PyTorch, cuBLAS and cuDNN that a run has loaded on top of the bare context, in MiB. Failure messages give both figures
(what the process has in use, less what PyTorch allocated and reserved): 0.34 to 0.55 GiB on six kinds of cards, 0.5 in the median."""
CONVOLUTION_WORKSPACE = 1.2 * GIB
"""cuDNN's plans and workspaces of a convolutional network in training: autotuned plans may ask for up to a GiB, and the engine's
kernels for the rest (https://docs.nvidia.com/deeplearning/cudnn/latest/api/cudnn-graph-library.html)."""
# Servers and frameworks that bring more kernels of their own, in MiB.
_ENGINE_MIB: Mapping[str, float] = {
    "vllm": 350, "sglang": 350, "tgi": 350, "tensorrt": 500, "tensorrt-llm": 500, "tensorflow": 250, "jax": 250, "llama.cpp": 150,
    "ollama": 150, "deepspeed": 250, "megatron": 600,
}  # fmt: skip


def context_bytes(arch: str = "", framework: str = "") -> float:
    """The device context and the libraries' kernels of one process, bytes."""
    bare = _CONTEXT_MIB.get(arch.lower(), _USUAL_CONTEXT_MIB)
    return MIB * (bare + _LOADED_MIB + _ENGINE_MIB.get(framework.lower(), 0.0))


def cublas_bytes(arch: str = "") -> float:
    """cuBLAS workspaces inside PyTorch's allocator: 32 MiB on Hopper and later, 8 MiB before, one for each thread that multiplies.

    https://docs.nvidia.com/cuda/cublas/index.html#cublassetworkspace
    """
    return MIB * (32.0 if arch.lower() in ("hopper", "blackwell") else 8.125)


CACHED_STATIC = 0.01
"""Reserved beyond allocated for what stays (weights, states), as a share: blocks of 2 MiB."""
CACHED_STEADY = 0.08
"""The same for what comes and goes in a step whose sizes are always the same: split remainders. Replaying traced steps of 30 model
families through the allocator's rules gives 0.05 to 0.14 in the median of each precision and method."""
CACHED_STEADY_CHECKPOINTED = 0.28
"""The same with checkpoints: recomputed layers and logits of several types want the same blocks in turn (0.16 to 0.38)."""
CACHED_VARYING = 0.6
"""The same where lengths vary from step to step: a longer sequence fits into none of the blocks that shorter ones left."""
CACHED_VARYING_CHECKPOINTED = 1.0
"""The same with checkpoints, where most of it are logits of ever new sizes; both between what 61 figures of ms-swift 2.x ask
for (0.8 and 1.5: max_memory_reserved over runs on texts of mixed lengths, seven models) and what 33 of Qwen's own table do
(0.3 and 0.5)."""
CACHED_SHARDED = 0.25
"""The same for everything where layers are gathered and freed all the time (ZeRO-3, FSDP): their buffers and the activations break up
each other's blocks (https://docs.pytorch.org/docs/stable/fsdp.html, limit_all_gathers). Nine published figures of three projects
lie between 0 and 0.4 over what was allocated."""
CACHED_MEGATRON = 0.2
"""The same in Megatron, whose weights and gradients stay where they are, but whose sequences, experts' inputs and buffers of the
communication come and go (0.05 to 0.37 in 16 published scripts of dense models and mixtures of experts)."""
CACHED_EXPANDABLE = 0.08
"""The same where segments can grow (PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True), so that nothing is too small for a new size: what
is split off stays. Figures of nine published configurations of axolotl lie 0 to 0.1 over what was allocated."""
EXPANDABLE = frozenset({"axolotl", "torchtune", "nanovlm"})
"""Programs that switch it on themselves (https://github.com/axolotl-ai-cloud/axolotl/blob/main/src/axolotl/utils/__init__.py,
https://github.com/meta-pytorch/torchtune/blob/main/torchtune/__init__.py, https://github.com/huggingface/nanoVLM/blob/main/train.py)."""
EXPANDABLE_ON_SEVERAL = frozenset({"llama-factory"})
"""Programs whose launcher does so for several devices
(https://github.com/hiyouga/LLaMA-Factory/blob/main/src/llamafactory/launcher.py, OPTIM_TORCH)."""
CACHED_WHEN_FULL = 0.1
"""What of all these stays where the card is full: the allocator gives whole free segments back and tries again before it fails,
but not the free parts of segments in use (https://docs.pytorch.org/docs/stable/notes/cuda.html, memory management)."""
CACHED_INFERENCE = 0.02
"""The same in generation with caches of one size."""


def reserved_bytes(allocated: float, share: float) -> float:
    """What the allocator holds: allocated * (1 + share), rounded up to its 2 MiB segments."""
    return -(-allocated * (1 + share) // (2 * MIB)) * 2 * MIB


def reserved_of(
    phases: Mapping[str, float], moving: Mapping[str, float], varying: float, flat_step: bool = False
) -> float:
    """What the allocator holds after all phases: the largest of phase + moving * varying.

    Args:
        phases: bytes allocated at the peak of each phase. moving: the bytes of them whose sizes change with the sequence length.
        varying: share of the moving bytes that is kept beyond them.
        flat_step: the optimizer works on flat buffers of gigabytes, for which the blocks that the activations left are too small, so
            they come on top of them (DeepSpeed's ZeRO-1 and 2:
            https://github.com/deepspeedai/DeepSpeed/blob/master/deepspeed/runtime/zero/stage_1_and_2.py, step).
    """
    beyond = {name: varying * moving.get(name, 0.0) for name in phases}
    if flat_step and moving and "optimizer_step" in phases:
        beyond["optimizer_step"] = (1 + varying) * max(moving.values())
    most = max(((1 + CACHED_STATIC) * count + beyond[name] for name, count in phases.items()), default=0.0)
    return reserved_bytes(most, 0.0)


def expandable(framework: str, gpu_count: int) -> bool:
    """Whether the program lets the allocator's segments grow unless told otherwise."""
    return framework in EXPANDABLE or (gpu_count > 1 and framework in EXPANDABLE_ON_SEVERAL)


def varying_share(checkpointed: bool, mixed_lengths: bool) -> float:
    """Share of what comes and goes in a training step that the allocator keeps beyond its peak."""
    if mixed_lengths:
        return CACHED_VARYING_CHECKPOINTED if checkpointed else CACHED_VARYING
    return CACHED_STEADY_CHECKPOINTED if checkpointed else CACHED_STEADY


def capacity_gib(gpu_name: str, gpus: Mapping[str, Any], stated: float = 0.0) -> float | None:
    """Usable GiB of the card: as stated, else the card's own figure."""
    row = gpus.get(gpu_name)
    if row is not None:
        return float(row.usable_gib)
    return stated or None
