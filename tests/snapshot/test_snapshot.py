"""Snapshots of known runs: what held the memory at the peak, by category and line; pieces, growth; old layouts; the answer."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.cli import execute
from advisor.diagnosis import diagnose
from advisor.snapshot import read_snapshot, witness_of
from advisor.snapshot.analyse import analyse
from advisor.snapshot.layout import Block, Event
from advisor.snapshot.replay import replay
from advisor.snapshot.summary import Device, Summary
from tests.snapshot.recording import GIB, MIB, STACKS, Recording, frame, training


def parts(device: Device) -> dict[str, float]:
    return {part.id: round(part.gib, 2) for part in device.parts}


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    def write(snapshot: Any) -> Path:
        file = tmp_path / "snapshot.pickle"
        file.write_bytes(pickle.dumps(snapshot))
        return file

    return write


def test_a_failed_forward_pass_by_category(written: Callable[..., Path]) -> None:
    device = read_snapshot(written(training().snapshot())).main
    assert parts(device) == {"optimizer": 8.0, "activations": 8.0, "weights": 4.0, "logits": 3.0, "workspace": 0.03}
    assert device.peak_gib == pytest.approx(23.03, abs=0.01)
    assert device.oom is not None
    assert (device.oom.size_gib, device.oom.free_gib) == (3.0, 100 / 1024)
    assert device.oom.stack[-1][2] == "cross_entropy"
    assert {place.place: place.category for place in device.places}["model.py:88 forward"] == "activations"
    assert device.trains
    assert not device.growth
    assert not device.truncated


def test_the_peak_of_a_healthy_step_lies_in_the_backward_pass_or_the_optimizer() -> None:
    device = analyse(training(fail=False).snapshot()).main
    assert device.oom is None
    found = parts(device)
    assert found["weights"] == 4.0
    assert found["optimizer"] == 8.0
    assert sum(found.values()) == pytest.approx(device.peak_gib, abs=0.05)
    assert device.peak_gib > device.allocated_gib + 10, "the snapshot was taken after the peak"
    assert {"gradients", "temporaries"} <= set(found)


def test_gradients_stay_and_what_the_backward_pass_needs_goes() -> None:
    made = Recording()
    for _ in range(2):
        made.alloc(GIB, "weights")
    passing = made.alloc(3 * GIB, "backward")
    kept = made.alloc(GIB, "backward")
    made.alloc(GIB, "optimizer")
    made.alloc(8 * GIB, "activations")
    made.free(kept)
    made.free(passing)
    found = parts(analyse(made.snapshot()).main)
    assert found["gradients"] == pytest.approx(4.0), "both lived through a step of the optimizer"
    made = Recording()
    for _ in range(2):
        made.alloc(GIB, "weights")
    made.alloc(3 * GIB, "backward")
    made.alloc(GIB, "backward")
    found = parts(analyse(made.snapshot()).main)
    assert (found["gradients"], found["temporaries"]) == (1.0, 3.0), (
        "before any step, a gradient has the size of a weight"
    )


@pytest.mark.parametrize(
    ("stack", "category"),
    [
        ("weights", "weights"),
        ("activations", "activations"),
        ("logits", "logits"),
        ("attention", "attention"),
        ("recomputed", "recomputed"),
        ("optimizer", "optimizer"),
        ("optimizer_step", "optimizer_step"),
        ("in closure", "activations"),
        ("workspace", "workspace"),
        ("kv_cache", "kv_cache"),
        ("leak", "rest"),
    ],
)
def test_what_a_stack_was_for(stack: str, category: str) -> None:
    made = Recording()
    made.alloc(GIB, stack)
    made.oom(GIB, 0, stack)
    assert parts(analyse(made.snapshot()).main) == {category: 1.0}


def test_what_outlives_a_step_is_a_state_whatever_the_optimizer_calls_its_functions() -> None:
    made = Recording()
    for _ in range(3):
        made.alloc(GIB, "optimizer_step")
    passing = made.alloc(GIB, "optimizer_step")
    made.free(passing)
    made.alloc(2 * GIB, "activations")
    assert parts(analyse(made.snapshot()).main) == {"optimizer": 3.0, "activations": 2.0}


def test_the_lines_of_python_are_found_below_a_hundred_native_ones() -> None:
    native = [frame("??", 0, f"at::native::kernel_{index}(at::Tensor const&)") for index in range(150)]
    made = Recording()
    made.alloc(GIB, "attention")
    snapshot = made.snapshot()
    deep = [frame("??", 0, "torch::unwind::unwind()"), *native, *STACKS["attention"]]
    snapshot["segments"][0]["blocks"][0]["frames"] = deep
    made.events[0]["frames"] = deep
    device = analyse(snapshot).main
    assert parts(device) == {"attention": 1.0}
    assert device.places[0].place == "modeling_llama.py:190 eager_attention_forward"
    node = [
        frame("??", 0, "torch::unwind::unwind()"),
        frame("??", 0, "torch::autograd::generated::MmBackward0::apply(...)"),
    ]
    snapshot["segments"][0]["blocks"][0]["frames"] = made.events[0]["frames"] = node
    assert analyse(snapshot).main.places[0].place == "MmBackward0"


def test_what_was_there_before_the_recording() -> None:
    made = Recording()
    with made.unrecorded():
        weights = [made.alloc(GIB, "weights") for _ in range(3)]
        early = made.alloc(GIB, "activations")
    made.alloc(2 * GIB, "activations")
    made.free(early)
    snapshot = made.snapshot()
    for segment in snapshot["segments"]:
        if segment["address"] in weights:
            segment["blocks"][0]["frames"] = []
    device = analyse(snapshot).main
    assert device.truncated
    assert parts(device) == {"before_recording": 4.0, "activations": 2.0}


def test_a_snapshot_without_trace_or_stacks() -> None:
    made = training()
    snapshot = made.snapshot(cached=2 * GIB)
    snapshot["device_traces"] = []
    device = analyse(snapshot).main
    assert device.peak_gib == pytest.approx(23.03, abs=0.01)
    assert parts(device)["optimizer"] == 8.0, "blocks carry their stacks"
    for segment in snapshot["segments"]:
        for block in segment["blocks"]:
            block["frames"] = []
    device = analyse(snapshot).main
    assert not device.stacks
    assert parts(device) == {"in_use": 23.03}
    assert device.fragments.cached_gib == 2.0


def test_what_has_a_stack_was_recorded_though_its_event_is_gone() -> None:
    made = Recording()
    with made.unrecorded():
        made.alloc(3 * GIB, "leak")
        made.alloc(GIB, "weights")
    made.alloc(GIB, "activations")
    assert parts(analyse(made.snapshot()).main) == {"rest": 3.0, "weights": 1.0, "activations": 1.0}


def test_layouts_of_older_versions() -> None:
    made = training()
    old = made.snapshot()
    segments = []
    for segment in old["segments"]:
        block = segment["blocks"][0]
        history = [{"addr": block["address"], "real_size": block["size"] - 100, "frames": block["frames"]}]
        kept = {"size": block["size"], "state": block["state"], "history": history}
        segments.append(
            {
                "address": segment["address"],
                "total_size": segment["total_size"],
                "stream": 0,
                "segment_type": "large",
                "blocks": [kept],
            }
        )
    # 1.13: torch.cuda.memory_snapshot() was the list of segments, without devices' traces; blocks had neither address nor frames.
    assert parts(analyse(segments).main)["optimizer"] == 8.0
    device = analyse({"segments": segments, "device_traces": [made.events]}).main
    assert parts(device)["weights"] == 4.0
    assert not device.truncated, "addresses follow from the sizes of the blocks before"


def test_free_memory_in_pieces_is_fragmentation() -> None:
    made = training()
    device = analyse(made.snapshot(gap=200 * MIB, cached=512 * MIB)).main
    assert device.fragments.split_gib == pytest.approx(18 * 200 / 1024)
    assert device.fragments.cached_gib == 0.5
    assert device.fragments.too_small_for(3.0)
    text, witness = witness_of(Summary((device,)))
    found = diagnose(text, witness=witness)
    assert found.causes[0].id == "fragmentation"
    assert found.remedies[0].id == "alloc_conf_expandable"
    text, witness = witness_of(analyse(made.snapshot(gap=200 * MIB, expandable=True)))
    found = diagnose(text, witness=witness)
    assert "fragmentation" not in {cause.id for cause in found.causes[:1]}
    assert "alloc_conf_expandable" not in {remedy.id for remedy in found.remedies}


def leaking(steps: int = 40) -> Recording:
    made = Recording()
    for _ in range(4):
        made.alloc(GIB, "weights")
    for _ in range(steps):
        saved = [made.alloc(GIB, "activations") for _ in range(3)]
        made.alloc(128 * MIB, "leak")
        made.free(*saved)
    return made


def test_what_piles_up_is_named_by_its_line() -> None:
    device = analyse(leaking().snapshot()).main
    (growth,) = device.growth
    assert (growth.place, growth.count) == ("train.py:61 log_losses", 40)
    assert growth.gib == pytest.approx(5.0)
    text, witness = witness_of(Summary((device,)))
    found = diagnose(text, witness=witness)
    assert found.causes[0].id == "memory_leak"
    assert "detach_loss" in {remedy.id for remedy in found.remedies}
    made = leaking()
    made.oom(2 * GIB, 100 * MIB, "activations")
    text, witness = witness_of(analyse(made.snapshot()))
    found = diagnose(text, witness=witness)
    assert found.failure.kind == "vram_oom"
    assert found.causes[0].id == "memory_leak"


def test_equal_steps_pile_up_nothing() -> None:
    assert analyse(training(steps=12, fail=False).snapshot()).main.growth == ()
    made = Recording()
    for _ in range(100):
        made.alloc(64 * MIB, "weights")
    assert analyse(made.snapshot()).main.growth == ()
    for _ in range(64):  # the layers of one pass, each of which keeps its input and frees what it worked with
        made.alloc(64 * MIB, "activations")
        made.free(made.alloc(256 * MIB, "attention"))
    assert analyse(made.snapshot()).main.growth == ()


def test_the_device_that_ran_out_comes_first() -> None:
    one, other = training().snapshot(), Recording()
    for _ in range(40):
        other.alloc(GIB, "weights")
    second = other.snapshot()
    for segment in second["segments"]:
        segment["device"] = 1
    both = {
        "segments": second["segments"] + one["segments"],
        "device_traces": [one["device_traces"][0], second["device_traces"][0]],
    }
    summary = analyse(both)
    assert [device.index for device in summary.devices] == [0, 1]
    assert summary.devices[1].peak_gib == 40.0


def test_categories_of_a_profile_are_taken() -> None:
    made = Recording()
    for category in ("parameter", "gradient", "optimizer_state", "activation", "temporary"):
        made.alloc(GIB, "leak")
        made.events[-1]["category"] = category
    assert set(parts(analyse(made.snapshot()).main)) == {
        "weights",
        "gradients",
        "optimizer",
        "activations",
        "temporaries",
    }


@st.composite
def traces(draw: st.DrawFn) -> tuple[list[Event], dict[int, int], int]:
    """Events of an allocator, what is alive at their end, and how many of the first events are lost."""
    alive: dict[int, int] = {}
    events: list[Event] = []
    pending: list[tuple[int, int]] = []
    for _ in range(draw(st.integers(0, 60))):
        what = draw(st.sampled_from(["alloc", "alloc", "free", "complete"]))
        if what == "alloc":
            free = sorted(set(range(1, 13)) - set(alive) - {address for address, _ in pending})
            if free:
                address = draw(st.sampled_from(free))
                alive[address] = draw(st.integers(1, 9))
                events.append(Event("alloc", address, alive[address], None, "", 0))
        elif what == "free" and alive:
            address = draw(st.sampled_from(sorted(alive)))
            size = alive.pop(address)
            events.append(Event("free_requested", address, size, None, "", 0))
            pending.append((address, size))
        elif what == "complete" and pending:
            address, size = pending.pop(0)
            events.append(Event("free_completed", address, size, None, "", 0))
    return events, alive, draw(st.integers(0, len(events)))


@given(traces())
def test_the_replay_knows_every_level_even_of_a_trace_without_its_beginning(
    given: tuple[list[Event], dict[int, int], int],
) -> None:
    events, alive, lost = given
    levels, now = [], dict[int, int]()
    for event in events:
        if event.action == "alloc":
            now[event.address] = event.size
        elif event.action == "free_requested":
            now.pop(event.address)
        levels.append(sum(now.values()))
    blocks = [Block(address, size, size, "active_allocated", None) for address, size in alive.items()]
    played = replay(events[lost:], blocks)
    # A block that is only waiting for its free to complete when the trace begins counts as in use: nothing tells it from one that is.
    waiting = sum(
        e.size for i, e in enumerate(events[lost:]) if e.action == "free_completed" and _orphan(events[lost:], i)
    )
    if not waiting:
        assert played.levels == levels[lost:]
        assert played.start == (levels[lost - 1] if lost else 0)
    assert played.peak == max([played.start, *played.levels])
    for index in range(len(played.levels)):
        assert sum(life.size for life in played.alive_at(index)) == played.levels[index]


def _orphan(events: list[Event], index: int) -> bool:
    asked = False
    for event in events[:index]:
        if event.address == events[index].address and event.action == "free_requested":
            asked = True
    return not asked


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_command_in_all_forms(written: Callable[..., Path], capsys: pytest.CaptureFixture[str], lang: str) -> None:
    file = written(leaking().snapshot(gap=64 * MIB))
    assert execute(["snapshot", str(file), "--lang", lang, "--width", "90"]) == 0
    text = capsys.readouterr().out
    assert "train.py:61 log_losses" in text
    assert "█" in text
    assert execute(["snapshot", str(file), "--lang", lang, "--format", "json", "--gpu", "RTX 4090", "--explain"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["schema"] == "advisor.snapshot/1"
    assert data["devices"][0]["growth"][0]["count"] == 40
    assert data["diagnosis"]["schema"] == "advisor.diagnosis/1"
    assert data["diagnosis"]["held"]["source"] == "snapshot"
    assert data["diagnosis"]["facts"]["gpu_name"] == "RTX 4090"
    assert {item["origin"] for item in data["diagnosis"]["evidence"] if item["fact"].startswith("torch_")} == {
        "measured"
    }
    assert execute(["snapshot", str(file), "--lang", lang, "--format", "markdown"]) == 0
    assert "### " in capsys.readouterr().out


def test_stacks_are_looked_at_once_however_often_they_are_shared() -> None:
    shared = STACKS["activations"]
    made = Recording()
    for _ in range(3000):
        made.alloc(MIB, "activations")
    assert analyse(made.snapshot()).main.places[0].count == 3000
    assert shared is STACKS["activations"]
