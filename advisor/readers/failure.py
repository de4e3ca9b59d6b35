"""Which one failure a text is about, among all that its readers saw."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.facts import FAILURE_KINDS, Observation

# What follows from another failure rather than starting one: a peer that waits for a dead rank, a launcher that reports exit code 1,
# a parent that kills its children. It loses against any failure that explains itself, however sure it is of what it saw.
CONSEQUENCE = 0.5
# Below this nothing is claimed: the text names no failure that could be told apart.
_FLOOR = 0.2
_MESSAGE, _SHOWN = 90, 0.3


def choose(observations: Sequence[Observation]) -> tuple[Observation | None, float]:
    """The `failure_kind` observation that decides, and how sure it is (0 to 1); None where no failure was seen.

    The most confident observation wins; of equals the first in the text, because what comes later is mostly its consequence.
    Readers grade themselves: 0.95 and more for a message that can only mean one thing, 0.8 for a strong hint (a bare `Killed`),
    0.6 for a message with two usual causes (a cuBLAS handle that can't be created), CONSEQUENCE and less for what follows from others,
    0.1 to 0.3 for signs of health. Two kinds that contradict each other lower the confidence of the winner.

    >>> oom = Observation("failure_kind", "vram_oom", 90, "CUDA out of memory", confidence=0.97)
    >>> late = Observation("failure_kind", "other_error", 12, "collective operation timeout", confidence=CONSEQUENCE)
    >>> choose([late, oom])[0].value
    'vram_oom'
    >>> choose([])
    (None, 0.0)
    """
    kinds = [item for item in observations if item.fact == "failure_kind" and item.value in FAILURE_KINDS]
    if not kinds:
        return None, 0.0
    best = min(kinds, key=lambda item: (-item.confidence, item.line))
    if best.value == "question":
        # Who asks how to make it fit, and shows an error, has a failure.
        shown = [
            item
            for item in kinds
            if item.rank >= _MESSAGE and item.value not in ("question", "none") and item.confidence >= _SHOWN
        ]
        best = min(shown, key=lambda item: (-item.confidence, item.line), default=best)
    if best.confidence < _FLOOR and best.value != "none":
        return None, 0.0
    rival = max((item.confidence for item in kinds if item.value != best.value), default=0.0)
    doubt = 0.25 * max(0.0, rival - CONSEQUENCE)
    return best, round(max(0.0, min(1.0, best.confidence - doubt)), 3)
