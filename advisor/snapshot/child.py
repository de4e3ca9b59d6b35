"""The process that reads a snapshot: limits first, then the pickle; it prints the summary as JSON.

Run by `advisor.snapshot.read_snapshot` as `python -m advisor.snapshot.child MEMORY CPU < FILE`: bytes of address space, seconds of time.
Exit status 0: a summary on standard output; 3: refused, with the reason on standard output; anything else: it was stopped by a limit.
"""

from __future__ import annotations

import sys

EXIT_REFUSED = 3
EXIT_MEMORY = 4


def main() -> int:
    """Reads standard input, writes standard output."""
    import gc

    import msgspec

    from advisor.snapshot.analyse import analyse
    from advisor.snapshot.unpickle import Refused, load

    _limit(int(sys.argv[1]), int(sys.argv[2]))
    gc.disable()  # millions of containers and no circles: collecting would look at all of them again and again
    try:
        answer = msgspec.json.encode(analyse(load(sys.stdin.buffer)))
    except Refused as reason:
        sys.stdout.write(str(reason))
        return EXIT_REFUSED
    except (MemoryError, RecursionError):
        return EXIT_MEMORY
    sys.stdout.buffer.write(answer)
    sys.stdout.flush()
    return 0


def _limit(memory: int, seconds: int) -> None:
    """Limits of this process, where the system has them."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for name, value in (("RLIMIT_AS", memory), ("RLIMIT_CPU", seconds), ("RLIMIT_CORE", 0), ("RLIMIT_FSIZE", 2**24)):
        try:
            resource.setrlimit(getattr(resource, name), (value, value))
        except (OSError, ValueError, AttributeError):  # the hard limit is lower already, or there is none here
            continue


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    import os

    os._exit(status)  # without freeing millions of objects one by one
