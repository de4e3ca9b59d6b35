"""Where bytes may tell of a failure: a few literals searched at the speed of memory, and lines counted likewise."""

from __future__ import annotations

from functools import cache

TYPE_CHECKING = False  # `typing` takes longer to import than most outputs to search
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

# Cores of what failures are called, in the spellings that are printed; rare in healthy logs.
# With more than 32 of them the search is a third slower.
_LITERALS = (
    "of memory", "Of Memory", "OF MEMORY", "f_memory", "F_MEMORY", "OfMemory", "MemoryError", "ALLOC_FAILED", "EXHAUSTED", "xhausted",
    "t allocate", "o allocate", "illed", "SIGKILL", "oom-kill", "oom_kill", "OOMKill", "us error", "space left", "nsufficient memory",
    "ough memory", "available memory", "code 137", "e: 137", "e: -9", "Insufficient VRAM", "_STATUS_", "side assert", "memory access",
    "out of resource", "存不足", "显存溢出",
)  # fmt: skip
# What a piece of text with a literal must hold, to be more than a mention of one.
_SIGNS = (
    r"(?i)out.?of.?memory|alloc_failed|_status_(?:not_init|alloc|internal|execution)|"
    r"(?:cannot|unable to|failed to|can't|not) allocate|exit ?code ?: ?-9|code ?:? 137|"
    r"sigkill|\bkilled\b|oom.?kill|resource[_ ]?exhausted|bus error|no space left|"
    r"insufficient (?:memory|vram)|not enough memory|no available memory|side assert|"
    r"illegal memory access|out of resource|memoryerror|存不足|显存溢出"
)
LONGEST = max(len(word.encode()) for word in _LITERALS)


@cache
def finder() -> Callable[[bytes], list[int]]:
    """The function that gives the offsets of all literals in a stretch of bytes.

    >>> finder()(b"step 7 CUDA out of memory")
    [16]
    """
    words = [word.encode() for word in _LITERALS]
    try:
        from ahocorasick_rs import BytesAhoCorasick, MatchKind
    except ImportError:  # no wheel for this platform: slower, the same answer
        return _plain(words)
    automaton = BytesAhoCorasick(words, matchkind=MatchKind.LeftmostFirst)

    def offsets(data: bytes) -> list[int]:
        return [start for _, start, _ in automaton.find_matches_as_indexes(data)]

    return offsets


def _plain(words: list[bytes]) -> Callable[[bytes], list[int]]:
    pattern = _compiled(b"|".join(words))
    return lambda data: [match.start() for match in pattern.finditer(data)]


@cache
def line_counter() -> Callable[[bytes], int]:
    r"""The function that counts the line ends in a stretch of bytes.

    >>> line_counter()(b"a\nb\n")
    2
    """
    try:
        from stringzilla import bytesum, translate  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        return lambda data: data.count(b"\n")
    # Line ends become 1 and all else 0; the sum of that is made of wide additions, where a count stops at each match.
    ends = bytes(byte == ord("\n") for byte in range(256))
    return lambda data: int(bytesum(translate(data, ends))) if data else 0


@cache
def confirmed() -> Callable[[bytes], bool]:
    """The function that tells whether a stretch of bytes around a literal holds a sign of failure.

    >>> confirmed()(b"3.2 GB of memory in use"), confirmed()(b"CUDA out of memory")
    (False, True)
    """
    pattern = _compiled(_SIGNS.encode())
    return lambda data: pattern.search(data) is not None


def _compiled(pattern: bytes) -> Any:
    import re2  # only where a literal was found: a healthy run needs none of it

    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    return re2.compile(pattern, options)


def signs(data: bytes) -> Iterator[int]:
    """The offsets of the literals that are signs of failure."""
    return (offset for offset in finder()(data) if confirmed()(data[max(0, offset - 64) : offset + 128]))


def may_fail(data: bytes) -> bool:
    """Whether a stretch of bytes may tell of a failure.

    >>> may_fail(b"loss 2.1, 3.2 GB of memory in use"), may_fail(b"torch.OutOfMemoryError: CUDA out of memory.")
    (False, True)
    """
    return next(signs(data), None) is not None
