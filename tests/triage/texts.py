"""Small texts for the tests of triage, and what is expected of them."""

from __future__ import annotations

import json
from pathlib import Path

OOM = (
    "python finetune.py --model_name_or_path Qwen/Qwen2.5-7B --per_device_train_batch_size {n} --bf16 True\n"
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 23.65 GiB of which 1.10 GiB is "
    "free. Including non-PyTorch memory, this process has 22.50 GiB memory in use.\n"
)
HEALTHY = "Epoch {n}: loss 0.41, 12.3 it/s\nTraining finished.\n"
KILLED = "[ 4712.88] Out of memory: Killed process {n} (python) total-vm:68012345kB, anon-rss:31234567kB\n"


def text(number: int) -> str:
    """Distinct texts; of three in turn one is a failure of device memory, one is healthy, one ran out of RAM."""
    return (OOM, HEALTHY, KILLED)[number % 3].format(n=number % 50 + 1) + f"# {number}\n"


def write(path: Path, count: int) -> Path:
    """`count` texts as JSON Lines, with ids t0, t1, ..."""
    with path.open("w") as out:
        for number in range(count):
            out.write(json.dumps({"id": f"t{number}", "text": text(number)}) + "\n")
    return path


def results(path: Path) -> list[dict[str, object]]:
    """The records in a file of results, without its first line."""
    return [json.loads(line) for line in path.read_text().splitlines()[1:]]
