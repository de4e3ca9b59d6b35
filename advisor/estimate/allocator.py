"""PyTorch's caching allocator: what a block counts for when it is not split, for tensors that live through the run."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence

# c10/cuda/CUDACachingAllocator.cpp: kMinBlockSize, kSmallSize, kSmallBuffer, kLargeBuffer, kMinLargeAlloc, kRoundLarge.
_MIN, _SMALL, _LARGE_BUFFER, _MIN_LARGE, _ROUND = 512, 1 << 20, 20 << 20, 10 << 20, 2 << 20


def unsplit_bytes(groups: Iterable[tuple[Sequence[float], int]]) -> float:
    """Bytes by which allocated memory exceeds the tensors when all of them are allocated in order and kept.

    A block of more than 1 MiB is only split when over 1 MiB remains (should_split), so a tensor whose 20 MiB buffer is nearly used up,
    or whose own segment was rounded up to 2 MiB, holds the rest as well.

    Args:
        groups: (bytes of the tensors of a layer, how many such layers there are in a row).
    """
    rounded = [([size for size in map(_rounded, sizes) if size > _SMALL], count) for sizes, count in groups]
    least = min((size for sizes, _ in rounded for size in sizes), default=0)
    free: list[int] = []
    waste = 0
    for sizes, count in rounded:
        before: tuple[list[int], int] | None = None
        for done in range(count if sizes else 0):
            if before is not None and before[0] == free:  # from here on every layer finds the same
                waste += (count - done) * (waste - before[1])
                break
            before = free[:], waste
            for size in sizes:
                place = bisect.bisect_left(free, size)
                if place < len(free):
                    have = free.pop(place)
                elif size < _MIN_LARGE:
                    have = _LARGE_BUFFER
                else:
                    have = -(-size // _ROUND) * _ROUND
                rest = have - size
                if rest <= _SMALL:
                    waste += rest
                elif rest >= least:  # less serves none of these tensors
                    bisect.insort(free, rest)
    return float(waste)


def _rounded(size: float) -> int:
    return max(_MIN, -(-int(size) // _MIN) * _MIN)
