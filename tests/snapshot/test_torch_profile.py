"""A snapshot that PyTorch itself writes: of a real training step on the CPU, through its profiler."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from advisor.snapshot import read_snapshot


def test_a_profile_of_a_real_step(tmp_path: Path) -> None:
    torch: Any = pytest.importorskip("torch", reason="PyTorch is not installed; `make test-live` runs this test")
    from torch.cuda._memory_viz import _profile_to_snapshot

    model = torch.nn.Sequential(torch.nn.Linear(512, 512), torch.nn.ReLU(), torch.nn.Linear(512, 512))
    optimizer = torch.optim.AdamW(model.parameters())
    inputs = torch.zeros(256, 512)

    def step() -> None:
        model(inputs).sum().backward()
        optimizer.step()
        optimizer.zero_grad()

    step()
    with torch.profiler.profile(record_shapes=True, profile_memory=True, with_stack=True) as profile:
        step()
    file = tmp_path / "profile.pickle"
    file.write_bytes(pickle.dumps(_profile_to_snapshot(profile)))
    device = read_snapshot(file).main
    weights = sum(each.numel() for each in model.parameters()) * 4 / 2**30
    parts = {part.id: part.gib for part in device.parts}
    assert device.events > 10
    assert parts["gradients"] == pytest.approx(weights, rel=0.05)
    assert parts["optimizer"] == pytest.approx(2 * weights, rel=0.05)
    assert parts["weights"] == pytest.approx(weights, rel=0.05)
    assert sum(parts.values()) == pytest.approx(device.peak_gib, rel=0.001)
    assert device.reserved_gib == pytest.approx(device.allocated_gib)
    assert f"{Path(__file__).name}:" in " ".join(place.place for place in device.places)
    assert not device.growth
