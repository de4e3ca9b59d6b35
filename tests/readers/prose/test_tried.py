"""What is on already or was tried in vain, and what is only asked, advised or worked."""

from __future__ import annotations

import pytest

from advisor.library import Library
from advisor.readers.document import Document
from advisor.readers.prose import signals, tried

TRIED = [
    ("I already tried reducing the batch size to 1", {"reduce_batch_size"}),
    ("开了梯度检查点还是爆显存", {"gradient_checkpointing"}),
    ("even with gradient checkpointing it is out of memory", {"gradient_checkpointing"}),
    ("Setting expandable_segments doesn't help", {"alloc_conf_expandable"}),
    ("batch size is already 1", {"reduce_batch_size"}),
    ("把 batch size 改成 1 也不行", {"reduce_batch_size"}),
    ("我是单GPU，batch也是最小了，还是报错", {"reduce_batch_size"}),
    (
        "I changed the parameters max_mel_frames and tacotron_batch_size but still get out of memory",
        {"reduce_batch_size"},
    ),
    ("batch size is already the smallest and it fails", {"reduce_batch_size"}),
    ("I tried zero3 offload, still OOM", {"zero3", "zero3_offload"}),
    ("with flash attention 2 it still runs out of memory", {"flash_attention"}),
    ("torch.cuda.empty_cache() has no effect", {"empty_cache"}),
    ("I reduced the image resolution, but the same error appears", {"reduce_resolution"}),
    ("用了zero2还是OOM", {"zero2"}),
    ("重启了也没用", {"kill_other_processes"}),
]
NOT_TRIED = [
    "Should I try gradient checkpointing?",
    "You should reduce the batch size",
    "如果开梯度检查点会不会好?",
    "(maintainer) use zero3, it still helps",
    "With batch size 1 it works fine",
    "I had to lower the batch size to make it run",
    "no gradient checkpointing, still OOM",
    "Can flash attention help?",
    "OOM when training LoRA",
]
SIGNALS = [
    ("memory keeps growing during training", "grows_over_time"),
    ("显存一直涨", "grows_over_time"),
    ("it fails after 300 steps", "after_many_steps"),
    ("训练几百步后 OOM", "after_many_steps"),
    ("OOM in the very first step", "at_first_step"),
    ("someone else is using the GPU", "other_process_on_gpu"),
    ("别人也在用这张卡,其他进程占了显存", "other_process_on_gpu"),
    ("there is a reference model in memory", "second_model"),
    ("it worked in version 2.1", "worked_before_upgrade"),
    ("升级之后就不行了", "worked_before_upgrade"),
    ("running in a Jupyter notebook", "notebook"),
    ("it happens sometimes", "sporadic"),
    ("the killed process still holds GPU memory", "process_left_behind"),
    ("GPU 0 uses far more than the others", "uneven_gpus"),
]


@pytest.mark.parametrize(("text", "expected"), TRIED)
def test_tried_in_vain(text: str, expected: set[str]) -> None:
    assert {str(item.value) for item in tried.read(Document.of(text))} == expected


@pytest.mark.parametrize("text", NOT_TRIED)
def test_not_tried(text: str) -> None:
    assert not list(tried.read(Document.of(text)))


@pytest.mark.parametrize(("text", "name"), SIGNALS)
def test_symptoms(text: str, name: str) -> None:
    assert name in [item.value for item in signals.read(Document.of(text))]


@pytest.mark.parametrize(
    "text", ["no memory leak here", "is there a memory leak?", "如果显存一直涨怎么办", "path /usr/local/container/x"]
)
def test_no_symptom(text: str) -> None:
    names = [item.value for item in signals.read(Document.of(text))]
    assert "grows_over_time" not in names
    assert "container" not in names


def test_every_symptom_and_remedy_is_known(library: Library) -> None:
    assert {name for name, _ in signals._SIGNALS._items} <= set(library.signals)
    assert {name for name, _ in tried._REMEDIES._items} <= set(library.remedies)
