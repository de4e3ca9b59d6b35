"""What `advisor run` adds to a chatty command's wall time: `yes | head -c SIZE` through it, as a ratio to the command alone.

    python benchmarks/run_overhead.py [GIGABYTES] [ROUNDS]

Rounds alternate between the two, so that both meet the same load; the quickest of each is compared, and the median beside it. Three
ways of standard output: to /dev/null, to a file, and to a pipe that `cat` reads.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

ADVISOR = str(Path(sysconfig.get_path("scripts")) / "advisor")


def seconds(command: str) -> float:
    start = time.perf_counter()
    subprocess.run(["bash", "-c", command], check=True, stdin=subprocess.DEVNULL)
    return time.perf_counter() - start


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
            best, middle = min(through) / min(alone), statistics.median(through) / statistics.median(alone)
            print(
                f"{size} GB to {name}: alone {min(alone):.3f} s, through advisor run {min(through):.3f} s:"
                f" {best - 1:+.1%} (medians {middle - 1:+.1%})"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
