"""The category of each allocation: what its stack says, and how long it lived."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from advisor.snapshot.replay import Life, Replay
from advisor.snapshot.stages import BACKWARD, PROFILER, Stacks

_OF_A_STEP = frozenset({"activations", "logits", "attention", "input", "recomputed", BACKWARD})


def categories_of(played: Replay, stacks: Stacks, *, failed: bool) -> list[str]:
    """The categories of `played.lives`, in their order.

    Args:
        failed: the trace ends in a failed allocation: what is alive then may have been meant to go soon.
    """
    lives = played.lives
    if not any(life.frames or life.category for life in lives):
        return ["in_use"] * len(lives)
    # A profile names its categories, and leaves stacks out that a recording has.
    recorded = any(life.born >= 0 and life.frames for life in lives) and not any(life.category for life in lives)
    stages = [_stage(life, stacks, recorded=recorded) for life in lives]
    pairs = list(zip(lives, stages, strict=True))
    steps = sorted(life.born for life, stage in pairs if stage.startswith("optimizer"))
    others = sorted(life.born for life, stage in pairs if stage in _OF_A_STEP)
    weights = {life.size for life, stage in pairs if stage == "weights" or (life.born < 0 and life.died is None)}
    found = []
    for life, stage in pairs:
        if stage == BACKWARD:
            stage = "gradients" if _is_gradient(life, steps, weights) else "temporaries"
        elif stage == "optimizer_step" and not life.category and _outlives(life, others, failed=failed):
            stage = "optimizer"  # optimizers of other makers name their functions as they like: what outlives a step is a state
        found.append(stage)
    return found


def _stage(life: Life, stacks: Stacks, *, recorded: bool) -> str:
    stage = PROFILER.get(life.category) or stacks.stage(life.frames)
    if stage:
        return stage
    if life.born < 0 and not life.frames:
        return "before_recording"
    # The backward pass runs in threads of its own, without a line of Python on the stack.
    return BACKWARD if recorded and not life.frames else "rest"


def _is_gradient(life: Life, steps: Sequence[int], weights: set[int]) -> bool:
    """Gradients live until the optimizer has used them; before any step is seen they have the size of a weight, and stay."""
    following = bisect_right(steps, life.born)
    if following < len(steps):
        return life.died is None or life.died > steps[following]
    return life.died is None and life.size in weights


def _outlives(life: Life, others: Sequence[int], *, failed: bool) -> bool:
    """Whether what a step of the optimizer allocated is still there when the next pass begins."""
    following = bisect_right(others, life.born)
    if following < len(others):
        return life.died is None or life.died > others[following]
    return life.died is None and not failed
