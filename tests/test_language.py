"""The person's language, whatever the log speaks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.language import language_of

TRACEBACK = (
    'Traceback (most recent call last):\n  File "/data/train.py", line 3, in <module>\n    loss.backward()\n'
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 23.69 GiB"
)
CASES = [
    ("请问这个怎么解决?\n" + TRACEBACK, "zh"),
    (TRACEBACK + "\n已经把 batch size 改成 1 了", "zh"),
    ("How do I solve this?\n" + TRACEBACK, "en"),
    (TRACEBACK, "en"),
    ("The script 训练.py in /home/用户/模型 fails and I don't know why", "en"),
    ('The log says "显存不足" and then it exits, what should I do about it?', "en"),
    ("7b qlora oom 了怎么办 3090 deepspeed zero2 bf16 flash attention gradient checkpointing batch size 1", "zh"),
    ("今天跑 LLaMA-Factory 的 example 就 OOM 了", "zh"),
    ("3月 25 09:28:05 host ollama[28]: llama runner process has terminated: signal: killed", "zh"),
    ("メモリが足りません。どうすればいいですか", "en"),
    ("GPU 메모리가 부족합니다", "en"),
    ("", "en"),
    ("爆显存", "zh"),
    (
        "我这边两个3090,只用了GPU0,占用是6G/24G,还剩18G显存,却报错\nResourceExhaustedError: Out of memory error on GPU 0.",
        "zh",
    ),
    # forms in both languages
    (
        "Is there an issue for this already? | 该问题是否有过讨论?\n- I have searched | 我已经搜索过\n\nIt crashes on my 3090, why?",
        "en",
    ),
    (
        "- 系统环境/System Environment:win11\n- 版本号/Version:2.5\nWhy does it run out of memory when I train on my 1060?",
        "en",
    ),
    (
        "- 系统环境/System Environment:win11\n- 运行指令/Command Code:python train.py\n训练到一半就爆显存了,怎么办?",
        "zh",
    ),
]


@pytest.mark.parametrize(("text", "language"), CASES)
def test_the_language_of_the_person(text: str, language: str) -> None:
    assert language_of(text) == language


@given(st.text(max_size=300))
def test_any_text_has_a_language(text: str) -> None:
    assert language_of(text) in ("en", "zh")
