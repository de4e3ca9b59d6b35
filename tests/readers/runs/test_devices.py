"""Counts of devices by launchers, schedulers, lists and prints; and numbers that are none."""

from __future__ import annotations

import pytest

from .conftest import See

CASES: list[tuple[str, int | None]] = [
    ("CUDA_VISIBLE_DEVICES=0 python t.py", 1),
    ("export CUDA_VISIBLE_DEVICES=4,5,6", 3),
    ('CUDA_VISIBLE_DEVICES="" python t.py', None),
    ("CUDA_VISIBLE_DEVICES=$IDS python t.py", None),
    ("# CUDA_VISIBLE_DEVICES=0,1 python old.py", None),
    ('os.environ["CUDA_VISIBLE_DEVICES"] = "0,3"', 2),
    ("ASCEND_RT_VISIBLE_DEVICES=0,1,2,3,4,5,6,7 bash run.sh", 8),
    ("NPROC_PER_NODE=2 NNODES=3 swift sft --model x", 6),
    ("deepspeed --include localhost:2,3 t.py", 2),
    ("accelerate launch --num_processes=4 --gpu_ids=0,1,2,3 t.py", 4),
    ("net = nn.DataParallel(net, device_ids=[0, 1, 2])", 3),
    ("./llama-server -m x.gguf -ngl 99 -ts 3,2", 2),
    ("python server.py --loader exllama --gpu-split 20,24", 2),
    ("#SBATCH --nodes=2\n#SBATCH --gres=gpu:a100:4", 8),
    ("resources:\n  limits:\n    nvidia.com/gpu: 4", 4),
    ("All distributed processes registered. Starting with 2 processes", 2),
    ("initializing distributed: GLOBAL_RANK: 0, MEMBER: 1/4", 4),
    ("ggml_cuda_init: found 2 CUDA devices:", 2),
    ("`--num_processes` was set to a value of `8`", 8),
    ("torchrun --nnodes=1 --nproc-per-node=3 t.py", 3),
    ("world_size is a variable; the batch: 12 devices of my network", None),
]


@pytest.mark.parametrize(("text", "count"), CASES)
def test_count(see: See, text: str, count: int | None) -> None:
    assert see(text).get("gpu_count") == count
