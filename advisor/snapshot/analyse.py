"""From a loaded snapshot to its summary: what held the memory at the peak, what lies in pieces, what piles up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from msgspec import structs

from advisor.snapshot.categories import categories_of
from advisor.snapshot.growth import growth_of
from advisor.snapshot.layout import Event, Segment, devices_of
from advisor.snapshot.replay import Life, Replay, replay
from advisor.snapshot.stages import Stacks, python_stack
from advisor.snapshot.summary import GIB, Device, Fragments, Oom, Part, Place, Summary
from advisor.snapshot.unpickle import Refused

MAX_PLACES = 20
_POINTS = 60
_SMALLEST = 1 / 1024
_IN_USE = frozenset({"active_allocated", "active_awaiting_free", "active_pending_free"})


def analyse(snapshot: Any) -> Summary:
    """The summary of a snapshot.

    Raises:
        Refused: this is no snapshot, or an empty one.
    """
    devices = [_device(index, segments, events) for index, segments, events in devices_of(snapshot)]
    devices = [device for device in devices if device.reserved_gib or device.events]
    if not devices:
        raise Refused("it is empty: no device had allocated anything")
    return Summary(tuple(sorted(devices, key=lambda device: (device.oom is None, -device.peak_gib))))


def _device(index: int, segments: Sequence[Segment], events: Sequence[Event]) -> Device:
    if any(event.category for event in events):
        segments = [_filled(segment) for segment in segments]
    blocks = [block for segment in segments for block in segment.blocks]
    alive = [block for block in blocks if block.state in _IN_USE]
    played = replay(events, alive)
    stacks = Stacks()
    has_stacks = any(life.frames for life in played.lives)
    ooms = [event for event in events if event.action == "oom"]
    categories = categories_of(played, stacks, failed=bool(ooms))
    at_peak = [
        (life, category)
        for life, category in zip(played.lives, categories, strict=True)
        if life.born <= played.peak_at and (life.died is None or life.died > played.peak_at)
    ]
    last = next((event.frames for event in reversed(events) if event.action == "alloc" and event.frames), None)
    oom = ooms[-1] if ooms else None
    return Device(
        index=index,
        allocated_gib=sum(block.size for block in alive) / GIB,
        reserved_gib=sum(segment.size for segment in segments) / GIB,
        peak_gib=played.peak / GIB,
        peak_at=played.peak_at,
        events=len(events),
        parts=_parts(at_peak),
        places=_places(at_peak, stacks),
        fragments=_fragments(segments),
        growth=growth_of(played, categories, stacks),
        timeline=_timeline(played),
        oom=Oom(oom.size / GIB, oom.device_free / GIB, tuple(python_stack(oom.frames or last))) if oom else None,
        stack=tuple(python_stack(last)),
        stacks=has_stacks,
        truncated=any(life.born < 0 for life in played.lives),
        trains=any(category in ("optimizer", "optimizer_step", "gradients") for category in categories),
    )


def _filled(segment: Segment) -> Segment:
    """The used blocks of a segment alone: a snapshot made from a profile takes all between the lowest and the highest address for one."""
    blocks = [block for block in segment.blocks if block.state in _IN_USE]
    return structs.replace(segment, blocks=blocks, size=sum(block.size for block in blocks))


def _parts(at_peak: Iterable[tuple[Life, str]]) -> tuple[Part, ...]:
    sizes: dict[str, list[int]] = defaultdict(list)
    for life, category in at_peak:
        sizes[category].append(life.size)
    parts = [Part(name, sum(each) / GIB, len(each)) for name, each in sizes.items() if sum(each)]
    return tuple(sorted(parts, key=lambda part: -part.gib))


def _places(at_peak: Iterable[tuple[Life, str]], stacks: Stacks) -> tuple[Place, ...]:
    sizes: dict[tuple[str, str], list[int]] = defaultdict(list)
    for life, category in at_peak:
        place = stacks.place(life.frames)
        if place:
            sizes[place, category].append(life.size)
    places = [Place(place, category, sum(each) / GIB, len(each)) for (place, category), each in sizes.items()]
    places = [place for place in places if place.gib >= _SMALLEST]
    return tuple(sorted(places, key=lambda place: -place.gib)[:MAX_PLACES])


def _fragments(segments: Sequence[Segment]) -> Fragments:
    split: list[int] = []
    cached = 0
    for segment in segments:
        free = [block.size for block in segment.blocks if block.state not in _IN_USE]
        if len(free) < len(segment.blocks):
            split += free
        else:
            cached += segment.size
    expandable = any(segment.expandable for segment in segments)
    largest = max(split, default=0) / GIB
    return Fragments(sum(split) / GIB, cached / GIB, largest, len(split), len(segments), expandable)


def _timeline(played: Replay) -> tuple[float, ...]:
    """The highest level of each of at most _POINTS equal stretches."""
    count = len(played.levels)
    if count < 2:
        return ()
    points = min(_POINTS, count)
    edges = [index * count // points for index in range(points + 1)]
    return tuple(max(played.levels[a:b]) / GIB for a, b in pairwise(edges))
