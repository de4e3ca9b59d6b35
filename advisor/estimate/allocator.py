"""PyTorch's caching allocator: what a block counts for when it is not split, for tensors that live through the run."""

from __future__ import annotations

import bisect
from collections.abc import Iterable

# c10/cuda/CUDACachingAllocator.cpp: kMinBlockSize, kSmallSize, kSmallBuffer, kLargeBuffer, kMinLargeAlloc, kRoundLarge.
_MIN, _SMALL, _LARGE_BUFFER, _MIN_LARGE, _ROUND = 512, 1 << 20, 20 << 20, 10 << 20, 2 << 20


def unsplit_bytes(sizes: Iterable[tuple[float, float]]) -> float:
    """Bytes by which allocated memory exceeds the tensors when all of them are allocated in order and kept.

    A block of more than 1 MiB is only split when over 1 MiB remains (should_split), so a tensor whose 20 MiB buffer is nearly used up,
    or whose own segment was rounded up to 2 MiB, holds the rest as well.

    Args:
        sizes: (bytes, how many in a row) of the tensors.
    """
    free: list[int] = []
    waste = 0
    for size, count in sizes:
        rounded = max(_MIN, -(-int(size) // _MIN) * _MIN)
        if rounded <= _SMALL:
            continue
        for _ in range(int(count)):
            place = bisect.bisect_left(free, rounded)
            if place < len(free):
                have = free.pop(place)
            elif rounded < _MIN_LARGE:
                have = _LARGE_BUFFER
            else:
                have = -(-rounded // _ROUND) * _ROUND
            rest = have - rounded
            if rest > _SMALL:
                bisect.insort(free, rest)
            else:
                waste += rest
    return float(waste)
