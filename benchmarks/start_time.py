"""How long `advisor diagnose` takes on a 200-line log, as a ratio to `import pydantic, rich` in the same run.

    python benchmarks/start_time.py

Both are whole processes, run in turn; the minimum of each counts, since everything above it is the machine's other work.
Exit status 1 when the ratio is above the limit.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT = 2.0
ROUNDS = 15
LOG = Path(__file__).resolve().parent.parent / "docs" / "examples" / "qwen2.5-7b-lora.log"


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def log_of(lines: int) -> str:
    """The example log, filled up with progress lines in front to `lines` lines."""
    text = LOG.read_text(encoding="utf-8").splitlines()
    steps = "{{'loss': {0:.4f}, 'grad_norm': 1.17, 'learning_rate': 1.9e-05, 'epoch': {1:.3f}}}"
    filler = [steps.format(2.5 - i / 400, i / 1000) for i in range(lines)]
    return "\n".join(filler[: max(0, lines - len(text))] + text) + "\n"


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "train.log"
        log.write_text(log_of(200), encoding="utf-8")
        ours = [sys.executable, "-m", "advisor", "diagnose", str(log)]
        theirs = [sys.executable, "-c", "import pydantic, rich"]
        seconds(ours)  # compiles the packs once
        rounds = [(seconds(ours), seconds(theirs)) for _ in range(ROUNDS)]
    ours_s, theirs_s = [pair[0] for pair in rounds], [pair[1] for pair in rounds]
    ratio = min(ours_s) / min(theirs_s)
    print(f"advisor diagnose, 200 lines: {min(ours_s) * 1e3:.0f} ms (median {statistics.median(ours_s) * 1e3:.0f})")
    print(f"import pydantic, rich:       {min(theirs_s) * 1e3:.0f} ms (median {statistics.median(theirs_s) * 1e3:.0f})")
    print(f"ratio {ratio:.2f}, limit {LIMIT:g}")
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
