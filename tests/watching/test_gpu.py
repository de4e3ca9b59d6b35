"""On a machine with a GPU: a real failure, the counters around it, and a snapshot that PyTorch wrote of it."""

from __future__ import annotations

import gc
import io
from pathlib import Path
from typing import Any

import pytest

import advisor
from advisor.snapshot import read_snapshot

GIB = 2**30


@pytest.fixture
def cuda(torch: Any) -> Any:
    if not torch.cuda.is_available():
        pytest.skip("there is no GPU")
    gc.collect()
    torch.cuda.empty_cache()
    return torch


def training(torch: Any, width: int = 4096, depth: int = 4) -> tuple[Any, Any]:
    model = torch.nn.Sequential(*[torch.nn.Linear(width, width) for _ in range(depth)]).cuda()
    return model, torch.optim.AdamW(model.parameters())


def step(model: Any, optimizer: Any, batch: Any) -> None:
    model(batch).sum().backward()
    optimizer.step()
    optimizer.zero_grad()


def until_it_fails(torch: Any, model: Any, optimizer: Any) -> None:
    """Doubles the batch until the card is full."""
    size = 1024
    while True:
        step(model, optimizer, torch.zeros(size, 4096, device="cuda"))
        size *= 2


def test_a_real_failure_is_told_from_the_process_and_leaves_nothing_behind(cuda: Any) -> None:
    model, optimizer = training(cuda)
    step(model, optimizer, cuda.zeros(8, 4096, device="cuda"))
    before = cuda.cuda.memory_allocated()
    with pytest.raises(cuda.OutOfMemoryError), advisor.watch(file=io.StringIO()) as seen:
        until_it_fails(cuda, model, optimizer)
    found = seen.diagnosis
    assert found is not None
    assert found.failure.kind == "vram_oom"
    total = cuda.cuda.get_device_properties(0).total_memory / GIB
    assert found.facts["gpu_capacity_gib"] == pytest.approx(total, rel=0.02)
    assert found.facts["optimizer"] == "adamw"
    weights = sum(each.numel() for each in model.parameters()) * 4 / GIB
    assert found.held is not None
    parts = {part.id: part.gib for part in found.held.components}
    assert parts["weights"] == pytest.approx(weights, rel=0.02)
    assert parts["optimizer"] == pytest.approx(2 * weights, rel=0.02)
    assert sum(parts.values()) == pytest.approx(found.facts["torch_allocated_gib"], rel=0.05)
    optimizer.zero_grad()
    gc.collect()
    assert cuda.cuda.memory_allocated() <= before * 1.01


def test_looking_allocates_nothing_on_the_device(cuda: Any) -> None:
    model, optimizer = training(cuda)
    batch = cuda.zeros(8, 4096, device="cuda")
    step(model, optimizer, batch)
    cuda.cuda.synchronize()
    before = cuda.cuda.memory_stats()["allocation.all.allocated"]
    with pytest.raises(RuntimeError), advisor.watch(file=io.StringIO()):
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.")
    assert cuda.cuda.memory_stats()["allocation.all.allocated"] == before


def test_a_snapshot_of_a_real_failure(cuda: Any, tmp_path: Path) -> None:
    cuda.cuda.memory._record_memory_history(max_entries=100_000)
    try:
        model, optimizer = training(cuda)
        step(model, optimizer, cuda.zeros(8, 4096, device="cuda"))
        with pytest.raises(cuda.OutOfMemoryError):
            until_it_fails(cuda, model, optimizer)
        file = tmp_path / "snapshot.pickle"
        cuda.cuda.memory._dump_snapshot(str(file))
    finally:
        cuda.cuda.memory._record_memory_history(enabled=None)
    device = read_snapshot(file).main
    weights = sum(each.numel() for each in model.parameters()) * 4 / GIB
    parts = {part.id: part.gib for part in device.parts}
    assert device.oom is not None
    assert device.trains
    assert parts["optimizer"] == pytest.approx(2 * weights, rel=0.05)
    assert parts["weights"] == pytest.approx(weights, rel=0.05)
    assert parts["activations"] > parts["weights"]
    assert sum(parts.values()) == pytest.approx(device.peak_gib, rel=0.001)
