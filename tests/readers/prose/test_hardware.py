"""Cards, counts, memory and RAM in sentences of both languages, with near misses."""

from __future__ import annotations

from typing import Any

import pytest

from advisor.facts import FactValue
from advisor.readers.prose import hardware

from .conftest import See

CASES: list[tuple[str, dict[str, FactValue]]] = [
    # counts and sizes beside a name
    ("OOM on 8×3090", {"gpu_name": "RTX 3090", "gpu_count": 8}),
    ("We train on 8x A100 80GB and it dies", {"gpu_name": "A100-80GB", "gpu_count": 8, "gpu_memory_gib": 80}),
    ("A100 40G*4 跑不起来", {"gpu_name": "A100-40GB", "gpu_count": 4, "gpu_memory_gib": 40}),
    ("两张4090微调 7B 爆显存", {"gpu_name": "RTX 4090", "gpu_count": 2}),
    ("用了四块V100(32G)", {"gpu_name": "V100-32GB", "gpu_count": 4, "gpu_memory_gib": 32}),
    ("单张3090能训练吗?", {"gpu_name": "RTX 3090", "gpu_count": 1}),
    ("I have a single RTX 4090 with 24 GB", {"gpu_name": "RTX 4090", "gpu_count": 1, "gpu_memory_gib": 24}),
    (
        "two A6000 cards, 48GB each, still out of memory",
        {"gpu_name": "RTX A6000", "gpu_count": 2, "gpu_memory_gib": 48},
    ),
    ("2 nodes with 8 H100 each, OOM at step 3", {"gpu_name": "H100", "gpu_count": 16}),
    ("机器是2机各8卡A800 80G", {"gpu_name": "A800-80GB", "gpu_count": 16, "gpu_memory_gib": 80}),
    ("4机32卡H800 还是 OOM", {"gpu_name": "H800", "gpu_count": 32}),
    ("两张 4090,vllm 部署报显存不足", {"gpu_name": "RTX 4090", "gpu_count": 2}),
    ("16GB T4 on Colab runs out of memory", {"gpu_name": "T4", "gpu_memory_gib": 16}),
    ("my 12GB 3060 is not enough", {"gpu_name": "RTX 3060", "gpu_memory_gib": 12}),
    ("GPU: 4x NVIDIA L40S", {"gpu_name": "L40S", "gpu_count": 4}),
    ("显卡:RTX 4060 Ti 16G", {"gpu_name": "RTX 4060 Ti-16GB", "gpu_memory_gib": 16}),
    ("three 2080 Ti (11 GB each)", {"gpu_count": 3, "gpu_memory_gib": 11}),
    ("a node of eight H800s fails", {"gpu_name": "H800", "gpu_count": 8}),
    # without a name
    ("Fine-tuning on 4 GPUs runs out of memory", {"gpu_count": 4}),
    ("双卡训练报错", {"gpu_count": 2}),
    ("单卡可以吗", {"gpu_count": 1}),
    ("My GPU has only 8 GB and it crashes", {"gpu_memory_gib": 8}),
    ("24g显存爆了", {"gpu_memory_gib": 24}),
    ("显存只有16G,爆显存", {"gpu_memory_gib": 16}),
    ("one 24GB card is all I have", {"gpu_memory_gib": 24}),
    ("4 x 24 GB and it still fails", {"gpu_count": 4, "gpu_memory_gib": 24}),
    # pooled memory is not one card's
    ("4张3090,一共96G显存,还是爆", {"gpu_name": "RTX 3090", "gpu_count": 4}),
    # RAM beside VRAM
    ("64GB RAM, 24GB VRAM, out of memory", {"host_ram_gib": 64, "gpu_memory_gib": 24}),
    ("内存128G,显存24G", {"host_ram_gib": 128, "gpu_memory_gib": 24}),
    ("MacBook with M1 and 16GB of RAM, MPS out of memory", {"gpu_name": "Apple M1", "gpu_memory_gib": 16}),
    # whose card it is
    ("On an H100 it works, but on my 4090 it fails with OOM.", {"gpu_name": "RTX 4090"}),
    ("The README says it needs 4 A100 80GB. I get OOM on 2 x 3090.", {"gpu_name": "RTX 3090", "gpu_count": 2}),
    ("官方说两张A100就够,我用8张3090还是爆显存", {"gpu_name": "RTX 3090", "gpu_count": 8}),
    (
        "My friend trains it on an A100, but on my 3080 Ti (12 GB) it is OOM",
        {"gpu_name": "RTX 3080 Ti", "gpu_memory_gib": 12},
    ),
    ("按照教程用A100没问题,换到 V100 32G 就爆显存了", {"gpu_name": "V100-32GB"}),
    ("4 GPUs, 11GB each", {"gpu_count": 4, "gpu_memory_gib": 11}),
    ("I had to move to an A6000 instead of my 4090 because of OOM", {"gpu_name": "RTX A6000"}),
    ("It works on 2 GPUs, but with 4 GPUs the job is killed", {"gpu_count": 4}),
]
ABSENT: list[tuple[str, str]] = [
    ("It takes 16GB of memory and then crashes", "gpu_memory_gib"),
    ("训练需要40G显存", "gpu_memory_gib"),
    ("At least 24GB of VRAM are recommended", "gpu_memory_gib"),
    ("It peaks at 43 GB", "gpu_memory_gib"),
    ("显存占用20G左右", "gpu_memory_gib"),
    ("I have 64GB RAM", "gpu_memory_gib"),
    ("8张卡一共640G显存", "gpu_memory_gib"),
    ("2机8卡 A100 训练", "gpu_count"),
    ("GPU 0 is full while GPU 1 is idle", "gpu_count"),
    ("batch size 8 per GPU", "gpu_count"),
    ("It runs fine on a single card, but with multiple cards it is OOM", "gpu_count"),
    ("Which card should I buy, an A100, an L4 or a T4?", "gpu_name"),
    ("an RTX 4095 is no card", "gpu_name"),
    ("Llama 3 needs a lot of memory", "gpu_count"),
    ("epoch 3090 of 5000", "gpu_name"),
    (
        "RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 23.70 GiB total capacity)",
        "gpu_memory_gib",
    ),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_what_is_said_of_the_machine(see: See, text: str, expected: dict[str, Any]) -> None:
    facts = see(hardware, text)
    assert {fact: facts.get(fact) for fact in expected} == expected


@pytest.mark.parametrize(("text", "fact"), ABSENT)
def test_what_is_not_said(see: See, text: str, fact: str) -> None:
    assert fact not in see(hardware, text)
