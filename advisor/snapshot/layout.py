"""The layout of PyTorch's memory snapshots, from 1.13 to today: segments with blocks, and the trace of what the allocator did.

`torch.cuda.memory._dump_snapshot` writes `{"segments": [...], "device_traces": [[...], ...], ...}`; `torch.cuda.memory_snapshot()` of old
versions is the list of segments alone. Fields: torch/cuda/memory.py (`_snapshot`), torch/cuda/_memory_viz.py (the old `history`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from advisor.snapshot.unpickle import Refused

_MAX = 2**60
Frames = list[Any]


class Block(Struct):
    """A piece of a segment. `frames` is the foreign list itself: it is shared between many blocks, and looked at by identity."""

    address: int
    size: int
    requested: int
    state: str
    frames: Frames | None


class Segment(Struct):
    """Memory that the driver gave: its blocks side by side."""

    device: int
    size: int
    stream: int
    expandable: bool
    blocks: list[Block]


class Event(Struct):
    """One entry of the trace."""

    action: str
    address: int
    size: int
    frames: Frames | None
    category: str
    device_free: int


def devices_of(snapshot: Any) -> Iterator[tuple[int, list[Segment], list[Event]]]:
    """Each device with its segments and its trace, in the order of time.

    Raises:
        Refused: this is another pickle.
    """
    if isinstance(snapshot, list):
        snapshot = {"segments": snapshot}
    if not isinstance(snapshot, dict) or not isinstance(snapshot.get("segments"), list):
        raise Refused("it holds no list of segments: torch.cuda.memory._dump_snapshot() writes one")
    segments = [_segment(each) for each in snapshot["segments"]]
    traces = snapshot.get("device_traces")
    traces = traces if isinstance(traces, list) else []
    for index in sorted({segment.device for segment in segments} | {i for i, trace in enumerate(traces) if trace}):
        trace = traces[index] if index < len(traces) else []
        if not isinstance(trace, list):
            raise Refused(f"the trace of device {index} is no list")
        yield index, [segment for segment in segments if segment.device == index], [_event(each) for each in trace]


def _segment(raw: Any) -> Segment:
    if not isinstance(raw, dict) or not isinstance(raw.get("blocks"), list):
        raise Refused("a segment holds no list of blocks")
    address = _number(raw, "address")
    blocks = []
    for each in raw["blocks"]:
        block = _block(each, address)
        blocks.append(block)
        address = block.address + block.size
    size = _number(raw, "total_size") or sum(block.size for block in blocks)
    return Segment(
        _number(raw, "device", most=65535),
        size,
        _number(raw, "stream"),
        raw.get("is_expandable") is True,
        blocks,
    )


def _block(raw: Any, address: int) -> Block:
    if not isinstance(raw, dict):
        raise Refused("a block is no mapping")
    size = _number(raw, "size")
    frames, requested = raw.get("frames"), _number(raw, "requested_size") or size
    history = raw.get("history")
    if frames is None and isinstance(history, list) and history and isinstance(history[0], dict):
        frames, requested = history[0].get("frames"), _number(history[0], "real_size") or requested
    state = raw.get("state")
    return Block(
        _number(raw, "address") or address,
        size,
        min(requested, size),
        state if isinstance(state, str) else "",
        frames if isinstance(frames, list) else None,
    )


def _event(raw: Any) -> Event:
    if not isinstance(raw, dict):
        raise Refused("an entry of the trace is no mapping")
    action, frames, category = raw.get("action"), raw.get("frames"), raw.get("category")
    return Event(
        action if isinstance(action, str) else "",
        _number(raw, "addr") or _number(raw, "address"),
        _number(raw, "size"),
        frames if isinstance(frames, list) else None,
        category if isinstance(category, str) else "",
        _number(raw, "device_free"),
    )


def _number(raw: dict[Any, Any], name: str, most: int = _MAX) -> int:
    """A whole number of the mapping; 0 where there is none. Streams and addresses may have all 64 bits, sizes must make sense."""
    value = raw.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        return 0
    if name in ("address", "addr", "stream"):
        return value & (2**64 - 1)
    if not 0 <= value <= most:
        raise Refused(f"{name} is {str(value)[:40]}, which is no size")
    return value
