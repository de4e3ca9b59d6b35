"""How the time to read a text grows with its length: eight times the text may take at most sixteen times as long.

    python benchmarks/growth.py

Text that a reader's patterns meet everywhere is repeated; the ratio of the best times counts, so the machine's speed does not.
Exit status 1 when one is above the limit. `benchmarks/fuzz_readers.py` looks for such texts at random.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from advisor.library import load_library
from advisor.names import find_gpus, find_models
from advisor.readers import read_all
from advisor.readers.document import Document

LIMIT = 16.0
FLOOR = 0.002  # seconds; below it the clock decides
BASE = 6_000  # characters
PIECES = (
    "without ", "8x", "batch size ", "A100,", "没有", "(((", "24G", "zero", "is is is ", "7b ", "\n", "=", "{",
    "--per_device_train_batch_size", "LoraConfig(", "r=", "Qwen/Qwen2-7B ", "$BS", "dict(type=", "1_000", "height", "x: ", "a=",
    'File "/env/llama/modeling_llama.py", line 9\n', "qwen qwen2.5 llama-3-8b-x llama llama 7b\n",
    "step 3090 loss 2.02 on NVIDIA GeForce RTX 3090 rtx rtx a100 4090 4090\n",
)  # fmt: skip


def best(read: Callable[[str], object], text: str) -> float:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        read(text)
        times.append(time.perf_counter() - start)
    return max(FLOOR, min(times))


def main() -> int:
    library = load_library()
    readers: dict[str, Callable[[str], object]] = {
        "all readers": lambda text: read_all(Document.of(text), library),
        "names of cards": lambda text: find_gpus(text, library),
        "names of models": lambda text: find_models(text, library),
    }
    worst = 0.0
    for name, read in readers.items():
        read("warm up: 7B LoRA on an A100\n")
        ratios = {}
        for piece in PIECES:
            text = piece * (BASE // len(piece))
            ratios[piece] = best(read, text * 8) / best(read, text)
        piece = max(ratios, key=ratios.__getitem__)
        print(f"{name:16} eight times the text takes at most {ratios[piece]:.1f} times as long ({piece[:30]!r})")
        worst = max(worst, ratios[piece])
    print(f"worst {worst:.1f}, limit {LIMIT:g}")
    return 0 if worst <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
