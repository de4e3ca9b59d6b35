"""How long the terminal interface takes to estimate again when a remedy is switched: the median and the longest, in milliseconds.

    python benchmarks/switches.py

Exit status 1 when the median is above 50 ms, which a person would begin to feel.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

from advisor.tui.session import Session

LIMIT_MS = 50.0
LOG = Path(__file__).resolve().parent.parent / "docs" / "examples" / "qwen2.5-7b-lora.log"


def main() -> int:
    session = Session()
    session.text = LOG.read_text(encoding="utf-8")
    session.diagnose()
    times = []
    for switch in session.switches * 4:
        start = time.perf_counter()
        session.toggle(switch.id)
        times.append((time.perf_counter() - start) * 1e3)
    print(
        f"{len(session.switches)} switches: median {statistics.median(times):.1f} ms, longest {max(times):.0f} ms, limit {LIMIT_MS:g} ms"
    )
    return 0 if statistics.median(times) <= LIMIT_MS else 1


if __name__ == "__main__":
    sys.exit(main())
