"""The trace played again: how much was in use after each event, when it was most, and what was alive then.

A trace is a ring: its oldest entries may be gone, and recording may have begun late. So the level at its start is what must have been there
for its frees and for the blocks that are alive at its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from msgspec import Struct

from advisor.snapshot.layout import Block, Event, Frames


class Life(Struct):
    """One allocation: its bytes, its stack, from which event (-1: before the trace) until which (None: still alive)."""

    size: int
    frames: Frames | None
    born: int
    died: int | None
    category: str = ""


class Replay(Struct):
    """All allocations, the bytes in use after each event, and the event after which they were most (-1: at the start)."""

    lives: list[Life]
    levels: list[int]
    start: int
    peak_at: int

    @property
    def peak(self) -> int:
        """Bytes at the peak."""
        return self.levels[self.peak_at] if self.peak_at >= 0 else self.start

    def alive_at(self, event: int) -> list[Life]:
        """The allocations alive after an event."""
        return [life for life in self.lives if life.born <= event and (life.died is None or life.died > event)]


def replay(events: Sequence[Event], alive: Sequence[Block]) -> Replay:
    """Plays a device's trace.

    Args:
        events: the trace, in the order of time.
        alive: the blocks in use when the snapshot was taken.
    """
    lives: list[Life] = []
    open_lives: dict[int, Life] = {}
    asked: set[int] = set()
    changes = [0] * len(events)
    for index, event in enumerate(events):
        if event.action == "alloc":
            former = open_lives.get(event.address)
            if former is not None:  # its free was lost
                former.died = index
                changes[index] -= former.size
            life = Life(event.size, event.frames, index, None, event.category)
            lives.append(life)
            open_lives[event.address] = life
            asked.discard(event.address)
            changes[index] += event.size
        elif event.action == "free_requested" or (event.action == "free_completed" and event.address not in asked):
            if event.action == "free_requested":
                asked.add(event.address)
            gone = open_lives.pop(event.address, None)
            if gone is None:
                gone = Life(event.size, None, -1, None)
                lives.append(gone)
            gone.died = index
            changes[index] -= gone.size
        elif event.action == "free_completed":
            asked.discard(event.address)
    for block in alive:
        known = open_lives.get(block.address)
        if known is None:
            lives.append(Life(block.requested, block.frames, -1, None))
        elif not known.frames:
            known.frames = block.frames
    start = sum(life.size for life in lives if life.born < 0)
    levels = list(accumulate(changes, initial=start))[1:]
    top = max(levels, default=start)
    return Replay(lives, levels, start, levels.index(top) if top > start else -1)
