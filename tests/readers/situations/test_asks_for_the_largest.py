"""Who asks for the largest model, batch, length or number of users, and who asks for something else."""

from __future__ import annotations

import pytest

from advisor.readers.document import Document
from advisor.readers.situations import largest

ASKED = [
    ("What is the largest batch size I can train on a 3090?", ["batch_size"]),
    ("what's the max batch size for a 7B LoRA on 24GB?", ["batch_size"]),
    ("How big a batch can I use with Qwen2.5-7B on an A100?", ["batch_size"]),
    ("How large can the batch size be on a 4090?", ["batch_size"]),
    ("what is the biggest model I can run on a 3090?", ["params_b"]),
    ("which models can I fine-tune on 2x4090?", ["params_b"]),
    ("What size model fits in 12GB?", ["params_b"]),
    ("How big of a model can I run with 24 GB?", ["params_b"]),
    ("What's the largest LLM that fits on a single H100?", ["params_b"]),
    ("how many parameters can I train on a T4?", ["params_b"]),
    ("What is the longest context I can use with Llama-3.1-8B on a 4090?", ["seq_len"]),
    ("how long a context can I fit on a 3090 with Qwen2.5-7B?", ["seq_len"]),
    ("What context length can I run on 24GB?", ["seq_len"]),
    ("what max sequence length can I train with on an A6000?", ["seq_len"]),
    ("How many users can one L40S serve with Qwen2.5-7B?", ["concurrency"]),
    ("how many concurrent requests can a 4090 handle with a 7B?", ["concurrency"]),
    ("24G 显卡最大能跑多大的模型?", ["params_b"]),
    ("4090 能微调多大的模型", ["params_b"]),
    ("3090 可以跑哪些模型?", ["params_b"]),
    ("12G 显存能跑多少B的模型", ["params_b"]),
    ("3090 跑 Qwen2.5-7B 上下文最长能开到多少?", ["seq_len"]),
    ("24G 显存用 7B 模型能跑多长的上下文?", ["seq_len"]),
    ("7B LoRA 在 3090 上 batch size 最大能设多少?", ["batch_size"]),
    ("4090 训练 7B,最大的 batch 是多少?", ["batch_size"]),
    ("max batch size for a 7B LoRA on a 4090?", ["batch_size"]),
    ("largest batch for a LoRA of Qwen2.5-7B on a 3090 at 2k tokens?", ["batch_size"]),
    ("How many tokens of context fit on a 4090 with a 7B?", ["seq_len"]),
    ("What parameter count can I train on 8 x H100?", ["params_b"]),
    ("显存 24g 适合跑几b的模型", ["params_b"]),
    ("单卡 4090 能支持多少人同时用 7B 模型", ["concurrency"]),
    ("一张 A100 部署 14B 最多支持多少并发?", ["concurrency"]),
]
NOT = [
    "How much VRAM does the largest model need?",
    "The largest batch size I could run was 4.",
    "Does a 7B model fit in 24GB?",
    "What model is this?",
    "Which batch size did you use?",
    "How long does training take?",
    "7B 模型需要多少显存?",
    "全参微调 7B 要几张 3090?",
    "模型多大?",
    "CUDA out of memory. Tried to allocate 2.00 GiB",
    "How big is the model?",
    "Maximum batch size for training is 4 on this card.",
    "(maintainer) what is the largest batch size you can run?",
    "What is the max batch size doing in this config?\nmax_batch_size: 8",
]


@pytest.mark.parametrize(("text", "facts"), ASKED)
def test_the_largest_is_asked_for(text: str, facts: list[str]) -> None:
    assert [item.value for item in largest.read(Document.of(text)) if item.fact == "largest"] == facts


@pytest.mark.parametrize("text", NOT[:-1])
def test_something_else_is_asked(text: str) -> None:
    assert not list(largest.read(Document.of(text)))
