"""How fast a log of 1 GB with the failure in its middle is taken in, next to `grep -c "out of memory"` on the same file in the same run.

    python benchmarks/long_log.py [MEGABYTES]

Prints both speeds, their ratio, and the peak memory of the process that reads (in MiB).
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROUNDS = 3
READ = """
import sys, resource
from advisor.readers.intake import read_document
with open(sys.argv[1], "rb") as stream:
    document = read_document(stream)
assert "OutOfMemoryError" in document.text
"""


def best(call: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def write(path: Path, megabytes: int) -> None:
    line = "{{'loss': {:.4f}, 'grad_norm': 1.17, 'learning_rate': 1.9e-05, 'epoch': {:.3f}}}\n"
    block = "".join(line.format(2.5 - i / 1e5, i / 1e4) for i in range(13_000))
    with path.open("w", encoding="utf-8") as out:
        for half in range(2):
            for _ in range(megabytes * 500_000 // len(block)):
                out.write(block)
            if not half:
                out.write("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.\n")


def main() -> int:
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "train.log"
        write(log, megabytes)
        size = log.stat().st_size / 1e6
        # Its output goes to a pipe: into /dev/null it would stop at the first match.
        grep = best(lambda: subprocess.run(["grep", "-c", "out of memory", log], check=True, stdout=subprocess.PIPE))
        ours = best(lambda: subprocess.run([sys.executable, "-c", READ, log], check=True))
        start = best(lambda: subprocess.run([sys.executable, "-c", "import advisor.readers.intake"], check=True))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    print(f'grep -c "out of memory": {size / grep:.0f} MB/s')
    print(f"read_document:           {size / ours:.0f} MB/s, {grep / ours:.2f} of grep, peak {peak:.0f} MiB")
    print(f"  without Python's start: {size / (ours - start):.0f} MB/s, {grep / (ours - start):.2f} of grep")
    return 0


if __name__ == "__main__":
    sys.exit(main())
