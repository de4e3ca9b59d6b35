"""Task, phase and failure kind from sentences of both languages, with near misses."""

from __future__ import annotations

import pytest

from advisor.readers.document import Document
from advisor.readers.prose import hints, situation
from advisor.readers.resolve import resolve

from .conftest import See

TASKS = [
    ("Fine-tuning Qwen fails", "train"),
    ("训练的时候爆显存", "train"),
    ("微调 7B 要多少显存", "train"),
    ("I am training a detector and after one epoch it dies", "train"),
    ("inference with a 70B model runs out of memory", "inference"),
    ("部署推理服务时显存不足", "inference"),
    ("generating images at 1024x1024 fails", "inference"),
    ("transcribing a long video fails", "inference"),
    ("running train_net.py on my GPU", "train"),
    ("deployed the trained model for inference, serving fails", "inference"),
]
PHASES = [
    ("CUDA OOM during evaluation", "eval"),
    ("跑到验证就会溢出", "eval"),
    ("一进入 eval 阶段就爆显存", "eval"),
    ("out of memory when saving the checkpoint", "checkpoint_save"),
    ("保存模型时 OOM", "checkpoint_save"),
    ("merging the LoRA weights crashes with OOM", "checkpoint_save"),
    ("GPU out of memory on resuming from a checkpoint", "resume"),
    ("断点续训就报显存不足", "resume"),
    ("OOM in loss.backward()", "backward"),
    ("反向传播时爆显存", "backward"),
    ("it is OOM on the optimizer.step()", "optimizer_step"),
    ("fails with OOM in the forward pass", "forward"),
    ("OOM while loading the model", "load"),
    ("加载模型时显存不足", "load"),
    ("runs out of memory when generating images", "generate"),
    ("When resuming it loads fine, but there is OOM in the first forward pass", "forward"),
]
NO_PHASE = [
    "OOM at step 300",
    "即使关掉了验证还是 OOM",
    "I disabled evaluation, still OOM",
    "loading the model works fine. Then CUDA OOM.",
]
KINDS = [
    ("CUDA OOM on my card", "vram_oom"),
    ("训练到一半爆显存", "vram_oom"),
    ("显存不足怎么办", "vram_oom"),
    ("it runs out of GPU memory", "vram_oom"),
    ("老是 OOM", "vram_oom"),
    ("My RAM fills up until all of it is gone and the process is killed", "host_oom"),
    ("训练时内存一直增加", "host_oom"),
    ("因为主机内存不足被kill", "host_oom"),
    ("CPU RAM: 256 GB. The system kills the job, out of system RAM", "host_oom"),
    ("GPU内存不足", "vram_oom"),
    ("the KV cache does not fit", "kv_cache"),
    ("How much VRAM do I need to fine-tune a 7B model?", "question"),
    ("Can I fine-tune a 7B on 2x3090?", "question"),
    ("微调 13B 需要多大显存", "question"),
    ("24G 能跑吗?", "question"),
    ("最低配置是什么", "question"),
    ("Is a single 4090 enough for LoRA?", "question"),
    ("The loss is NaN since yesterday", "none"),
    ("今天天气不错", "none"),
]


@pytest.mark.parametrize(("text", "task"), TASKS)
def test_the_task(see: See, text: str, task: str) -> None:
    assert see(situation, text).get("task") == task


@pytest.mark.parametrize(("text", "phase"), PHASES)
def test_the_phase(see: See, text: str, phase: str) -> None:
    assert see(situation, text).get("phase") == phase


@pytest.mark.parametrize("text", NO_PHASE)
def test_no_phase(see: See, text: str) -> None:
    assert "phase" not in see(situation, text)


@pytest.mark.parametrize(("text", "kind"), KINDS)
def test_the_kind(text: str, kind: str) -> None:
    assert resolve(list(situation.read(Document.of(text)))).failure[0] == kind


def test_prose_is_never_as_sure_as_a_message() -> None:
    for text, _ in KINDS:
        assert all(item.confidence < 0.8 for item in situation.read(Document.of(text)) if item.fact == "failure_kind")


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("Epoch 3/10 loss 0.5\nKilled", "train"),
        ('  File "/repo/train_net.py", line 3, in main\n    loss.backward()', "train"),
        ("llama_model_load: error loading model", "inference"),
        ("ERROR 04-01 23:46:56 [engine.py:160] torch.OutOfMemoryError", "inference"),
        ("CUDA error: out of memory", None),
        ("pretrained weights", None),
    ],
)
def test_hints_of_a_log(see: See, text: str, task: str | None) -> None:
    assert see(hints, text).get("task") == task
