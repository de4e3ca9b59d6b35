"""What `advisor run` adds to a chatty command's wall time: `yes | head -c SIZE` through it, as a ratio to the command alone.

    python benchmarks/run_overhead.py [GIGABYTES] [ROUNDS]

Rounds alternate between the two, so that both meet the same load; the quickest of each is compared, and the median beside it. On a
machine with other work the processor time is the steadier figure. Three
ways of standard output: to /dev/null, to a file, and to a pipe that `cat` reads.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

ADVISOR = str(Path(sysconfig.get_path("scripts")) / "advisor")


def seconds(command: str) -> tuple[float, float]:
    """Wall time, and processor time of all processes."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(["bash", "-c", command], check=True, stdin=subprocess.DEVNULL)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    size = sys.argv[1] if len(sys.argv) > 1 else "1"
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 15
    chatty = f"sh -c 'yes | head -c {size}G'"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "out"
        for name, target in (("/dev/null", "> /dev/null"), ("a file", f"> {file}"), ("a pipe", "| cat > /dev/null")):
            alone, through = [], []
            for _ in range(rounds):
                alone.append(seconds(f"{chatty} {target}"))
                file.unlink(missing_ok=True)
                through.append(seconds(f"{ADVISOR} run -- {chatty} {target}"))
                file.unlink(missing_ok=True)
            ratios = []
            for pick in (min, statistics.median):
                ratios += [pick(t[i] for t in through) / pick(a[i] for a in alone) - 1 for i in (0, 1)]
            print(
                f"{size} GB to {name}: alone {min(alone)[0]:.3f} s, through advisor run {min(through)[0]:.3f} s: {ratios[0]:+.1%} wall,"
                f" {ratios[1]:+.1%} processor time (medians {ratios[2]:+.1%}, {ratios[3]:+.1%})"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
