"""The device and PyTorch's allocator, by counters alone: nothing here allocates on the device or creates a context."""

from __future__ import annotations

import os
from typing import Any

import re2

from advisor.facts import FactValue, Observation
from advisor.library import Library
from advisor.names import resolve_gpu, sized_gpu

GIB = 2**30
# Above what prose says, below the numbers of the message: they were counted at the failure, these a moment later.
RANK = 85


def seen(fact: str, value: FactValue, source: str, rank: int = RANK) -> Observation:
    """An observation of the live process; `source` says what was read."""
    return Observation(fact, value, 0, source, rank=rank, origin="measured", reader="live")


def accelerator(torch: Any) -> tuple[str, Any]:
    """The kind of device that is in use and its module: ("cuda", torch.cuda), ("xpu", torch.xpu) ..., ("cpu", None)."""
    for name in ("cuda", "xpu", "npu", "musa"):
        module = getattr(torch, name, None)
        try:
            if module is not None and module.is_initialized():
                return name, module
        except (AttributeError, RuntimeError):
            continue
    return "cpu", None


def device_facts(torch: Any, error_text: str, library: Library) -> list[Observation]:
    """The device of the failure, its capacity and free memory, and what the allocator counts."""
    found = [seen("torch_version", str(torch.__version__), "torch.__version__")]
    settings = os.environ.get("PYTORCH_CUDA_ALLOC_CONF") or os.environ.get("PYTORCH_ALLOC_CONF") or ""
    if "expandable_segments:true" in settings.lower().replace(" ", ""):
        found.append(seen("signal", "expandable_segments_set", f"PYTORCH_CUDA_ALLOC_CONF={settings}"[:200]))
    kind, module = accelerator(torch)
    if module is None:
        return found
    match = re2.search(r"\bGPU ([0-9]{1,4})\b", error_text)
    index = int(match.group(1)) if match is not None else int(module.current_device())
    if index >= module.device_count():
        index = int(module.current_device())
    properties = module.get_device_properties(index)
    total = properties.total_memory / GIB
    found += [
        seen("runtime", "pytorch", f"torch.{kind} is initialised", 50),
        seen("gpu_index", index, f"torch.{kind}.current_device()"),
        seen("gpu_capacity_gib", total, f"torch.{kind}.get_device_properties({index}).total_memory"),
    ]
    card = sized_gpu(properties.name, total, library) or resolve_gpu(properties.name, library)
    found.append(
        seen(
            "gpu_name", card.name if card else properties.name, f"torch.{kind}.get_device_properties({index}).name", 95
        )
    )
    free, _ = module.mem_get_info(index)
    found += [
        seen("gpu_free_gib", free / GIB, f"torch.{kind}.mem_get_info({index})"),
        *_allocator(module, kind, index),
    ]
    return found


def _allocator(module: Any, kind: str, index: int) -> list[Observation]:
    statistics = module.memory_stats(index)
    allocated = statistics.get("allocated_bytes.all.current", 0)
    reserved = statistics.get("reserved_bytes.all.current", 0)
    source = f"torch.{kind}.memory_stats({index})"
    return [
        seen("torch_allocated_gib", allocated / GIB, source),
        seen("torch_reserved_unallocated_gib", max(0, reserved - allocated) / GIB, source),
    ]


def world_facts(torch: Any) -> list[Observation]:
    """How many processes train together."""
    distributed = getattr(torch, "distributed", None)
    try:
        if distributed is None or not distributed.is_available() or not distributed.is_initialized():
            return []
        return [seen("gpu_count", int(distributed.get_world_size()), "torch.distributed.get_world_size()")]
    except (RuntimeError, ValueError):
        return []
