"""What a snapshot says, in figures: all that leaves the process that read it."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, to_builtins

GIB = 2**30
SCHEMA = "advisor.snapshot/1"


class Part(Struct, frozen=True):
    """A category at the peak, in GiB; `id` is that of an estimate's component."""

    id: str
    gib: float
    count: int


class Place(Struct, frozen=True):
    """A line of code with what it had allocated that was alive at the peak, in GiB."""

    place: str
    category: str
    gib: float
    count: int


class Growth(Struct, frozen=True):
    """A line of code whose allocations pile up: `count` of them survived, made in `steps` of the trace's `of_steps` steps."""

    place: str
    gib: float
    count: int
    steps: int
    of_steps: int


class Oom(Struct, frozen=True):
    """The allocation that failed: GiB asked for, GiB that the driver had free, and the Python stack, outermost first."""

    size_gib: float
    free_gib: float
    stack: tuple[tuple[str, int, str], ...] = ()


class Fragments(Struct, frozen=True):
    """What the allocator held without using it, in GiB, when the snapshot was taken.

    Attributes:
        split_gib: free pieces beside used ones in the same segment: these can't be given back.
        cached_gib: segments that are free as a whole.
        largest_split_gib: the largest of those pieces.
        pieces: how many of them there are.
        segments: how many segments there are.
        expandable: whether expandable segments are in use.
    """

    split_gib: float
    cached_gib: float
    largest_split_gib: float
    pieces: int
    segments: int
    expandable: bool

    def too_small_for(self, gib: float) -> bool:
        """Whether all free pieces beside used blocks would hold that much together, and no single piece does."""
        return self.largest_split_gib < gib <= self.split_gib


class Device(Struct, frozen=True):
    """One device.

    Attributes:
        allocated_gib, reserved_gib: in use by tensors, and held by the allocator, when the snapshot was taken.
        peak_gib: most in use at any time of the trace.
        peak_at, events: the event of the peak, and how many events there are.
        timeline: GiB in use over the trace, as evenly spaced points.
        stacks: whether the recording has stacks at all.
        truncated: blocks were freed or are alive whose allocation is not in the trace.
        trains: an optimizer or a backward pass is on a stack.
    """

    index: int
    allocated_gib: float
    reserved_gib: float
    peak_gib: float
    peak_at: int
    events: int
    parts: tuple[Part, ...]
    places: tuple[Place, ...]
    fragments: Fragments
    growth: tuple[Growth, ...] = ()
    timeline: tuple[float, ...] = ()
    oom: Oom | None = None
    stack: tuple[tuple[str, int, str], ...] = ()
    stacks: bool = True
    truncated: bool = False
    trains: bool = False


class Summary(Struct, frozen=True):
    """The devices of a snapshot; the one that ran out of memory, or held most, comes first."""

    devices: tuple[Device, ...]

    @property
    def main(self) -> Device:
        return self.devices[0]

    def as_json(self) -> dict[str, Any]:
        """Plain values for JSON; GiB are rounded to four decimals, what is not known is absent."""
        devices = []
        for device in self.devices:
            data = _rounded(to_builtins(device))
            devices.append({name: value for name, value in data.items() if value is not None})
        return {"schema": SCHEMA, "devices": devices}


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list | tuple) else value
