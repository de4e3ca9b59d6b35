"""What piles up from step to step: lines of code whose allocations of most steps are still alive at the end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from advisor.snapshot.replay import Life, Replay
from advisor.snapshot.stages import Stacks
from advisor.snapshot.summary import GIB, Growth

MAX_GROWTH = 10
_BACKWARD = frozenset({"gradients", "temporaries", "recomputed"})
_FORWARD = frozenset({"activations", "logits", "attention", "input"})
# A model that is loaded piece by piece piles up as well, and is meant to; gradients are kept for the step to come.
_MEANT_TO_STAY = frozenset({"weights", "optimizer", "workspace", "gradients"})
# Told only where it is no accident: several steps, survivors of most of them, of some size.
_LEAST_STEPS, _LEAST_SHARE_OF_STEPS, _LEAST_SHARE_OF_PEAK = 4, 0.6, 0.02
_LEAST_FALL = 0.3


def growth_of(played: Replay, categories: Sequence[str], stacks: Stacks) -> tuple[Growth, ...]:
    """The lines that pile up, the largest first; none where the trace has fewer than four steps.

    Layers of one step leave tensors behind just as steps do, one after the other; so what counts is steps, told by the passes.
    """
    starts = _steps(played, categories)
    if len(starts) < _LEAST_STEPS:
        return ()
    step_at = _numbered(starts, len(played.levels))
    lines: dict[str, list[Life]] = defaultdict(list)
    for life, category in zip(played.lives, categories, strict=True):
        if life.died is None and life.born >= 0 and category not in _MEANT_TO_STAY:
            lines[stacks.place(life.frames)].append(life)
    found = []
    for place, lives in lines.items():
        steps = {step_at[life.born] for life in lives}
        size = sum(life.size for life in lives)
        often = len(steps) >= max(_LEAST_STEPS, _LEAST_SHARE_OF_STEPS * len(starts))
        if often and size >= _LEAST_SHARE_OF_PEAK * played.peak:
            found.append(Growth(place or "?", size / GIB, len(lives), len(steps), len(starts)))
    return tuple(sorted(found, key=lambda growth: -growth.gib)[:MAX_GROWTH])


def _steps(played: Replay, categories: Sequence[str]) -> list[int]:
    """The events at which steps begin: where a forward pass follows a backward pass; without one, where the level has fallen far."""
    marks = sorted(
        (life.born, category in _BACKWARD)
        for life, category in zip(played.lives, categories, strict=True)
        if life.born >= 0 and (category in _BACKWARD or category in _FORWARD)
    )
    if any(backward for _, backward in marks):
        starts, before = [0], False
        for event, backward in marks:
            if before and not backward:
                starts.append(event)
            before = backward
        return starts
    return _valleys(played.levels)


def _valleys(levels: Sequence[int]) -> list[int]:
    """The events after which the level had fallen by a third of its range."""
    settled = levels[len(levels) // 10 :]
    if not settled:
        return []
    fall = _LEAST_FALL * (max(settled) - min(settled))
    starts, top, low, falling = [0], levels[0], levels[0], False
    for index, level in enumerate(levels):
        if falling:
            low = min(low, level)
            if level > low + fall / 2:
                starts.append(index)
                top, falling = level, False
        else:
            top = max(top, level)
            if fall > 0 and level <= top - fall:
                low, falling = level, True
    return starts


def _numbered(starts: Sequence[int], count: int) -> list[int]:
    """The number of the step of each event."""
    numbers, step = [], 0
    for event in range(count):
        while step + 1 < len(starts) and starts[step + 1] <= event:
            step += 1
        numbers.append(step)
    return numbers
