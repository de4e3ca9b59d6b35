"""A summary as what the diagnosis takes: a text for the readers (the stack of the failure), facts and signals, and what held the memory."""

from __future__ import annotations

from advisor.facts import FactValue, Observation
from advisor.snapshot.summary import Device, Summary
from advisor.witness import Holding, Witness

RANK = 92


def witness_of(summary: Summary) -> tuple[str, Witness]:
    """The text and the witness of the device that ran out of memory, or held most."""
    device = summary.main
    observations = [
        _seen("runtime", "pytorch", "a memory snapshot of PyTorch's allocator"),
        _seen("torch_allocated_gib", device.allocated_gib, "blocks in use"),
        _seen(
            "torch_reserved_unallocated_gib",
            max(0.0, device.reserved_gib - device.allocated_gib),
            "free blocks of segments",
        ),
        _seen("gpu_index", device.index, "the device of the segments"),
    ]
    if device.trains:
        observations.append(_seen("task", "train", "an optimizer or a backward pass is on a stack"))
    if device.oom is not None:
        observations.append(_seen("tried_to_allocate_gib", device.oom.size_gib, "the entry `oom` of the trace"))
        observations.append(_seen("gpu_free_gib", device.oom.free_gib, "the entry `oom` of the trace"))
        observations.append(_failure("vram_oom", 0.97, "the trace has an entry `oom`"))
    else:
        observations.append(_failure("question", 0.8, "the trace has no entry `oom`"))
    if device.oom is not None and device.fragments.too_small_for(device.oom.size_gib):
        quote = f"{device.fragments.pieces} free pieces, the largest of {device.fragments.largest_split_gib:.2f} GiB"
        observations.append(_seen("signal", "free_in_pieces", quote))
    if device.fragments.expandable:
        observations.append(_seen("signal", "expandable_segments_set", "is_expandable"))
    if device.growth:
        worst = device.growth[0]
        steps = f"{worst.steps} of {worst.of_steps} steps"
        quote = f"{worst.place}: {worst.count} allocations, {worst.gib:.2f} GiB, made in {steps}, none freed"
        observations.append(_seen("signal", "allocations_pile_up", quote))
    held = [Holding(part.id, part.gib) for part in device.parts]
    return _text(device), Witness("snapshot", tuple(observations), held=tuple(held))


def _text(device: Device) -> str:
    """The stack of the failure as Python prints it; a snapshot without a failure has no phase, so no stack is shown."""
    stack = device.oom.stack if device.oom is not None else ()
    lines = [f'  File "{file}", line {line}, in {name}' for file, line, name in stack]
    if device.oom is not None:
        size = device.oom.size_gib
        lines.append(f"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate {size:.2f} GiB.")
    return "\n".join(["Traceback (most recent call last):", *lines] if lines else ["PyTorch memory snapshot"])


def _seen(fact: str, value: FactValue, source: str) -> Observation:
    return Observation(fact, value, 0, source, rank=RANK, origin="measured", reader="snapshot")


def _failure(kind: str, confidence: float, source: str) -> Observation:
    return Observation(
        "failure_kind", kind, 0, source, rank=RANK, confidence=confidence, origin="measured", reader="snapshot"
    )
