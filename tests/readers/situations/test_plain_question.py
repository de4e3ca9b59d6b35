"""Questions in the many ways that people ask, and what only looks like one."""

from __future__ import annotations

import pytest

from advisor.readers.document import Document
from advisor.readers.situations.plain_question import read


@pytest.mark.parametrize(
    "text",
    [
        "7b full finetune 24gb?",
        "Will a 32B fit on 2x 4090 with vLLM at 32k context?",
        "what's the max context I can serve with an 8B on a single A10",
        "Continued pretraining of a 1.5B model in bf16. Single H100 ok?",
        "vram for 13b q4_k_m gguf at 8k context?",
        "8张A100能全量微调13B吗？用zero3",
        "lora微调70B最少要几张80G的卡",
        "bert-base finetune batch 32 on an 8GB gpu, is that enough",
    ],
)
def test_it_asks(text: str) -> None:
    assert [item.value for item in read(Document.of(text))] == ["question"]


@pytest.mark.parametrize(
    "text",
    [
        "Training a 7B model crashes after an hour, what is wrong?",
        "I tried to run llama with ollama and I am getting this: ![image](x.png) any reasons?",
        "How do I install flash attention for a 7B model?",
        "训练7B报错了，怎么解决？",
        "Why is training of the 7B slow?",
        "What is the best learning rate?",
        "epoch 3, loss 0.41, 7B model, fine-tuning goes well.",
        "is it 7b? " * 200,
    ],
)
def test_it_does_not(text: str) -> None:
    assert not list(read(Document.of(text)))
