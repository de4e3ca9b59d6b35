"""Sentences are told from logs, tracebacks, code, configuration and commands; no text breaks the readers; time is linear."""

from __future__ import annotations

import inspect
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.library import Library, load_library
from advisor.readers.document import Document
from advisor.readers.prose import (
    frameworks,
    hardware,
    hints,
    model_names,
    negation,
    signals,
    situation,
    sizes,
    techniques,
    tried,
)
from advisor.readers.prose.lines import prose_of

READERS = (frameworks, hints, hardware, model_names, signals, situation, sizes, techniques, tried)
MACHINE = [
    'Traceback (most recent call last):\n  File "a.py", line 3, in f\n    loss.backward()',
    "python train.py --batch_size 4 --bf16 \\\n  --model llama-7b \\\n  --rank 8",
    "CUDA_VISIBLE_DEVICES=0,1 torchrun --nproc_per_node 2 train.py --lora_r 16",
    "batch_size: 4\nlora_rank: 16\nbf16: true",
    '{\n  "zero_optimization": {\n    "stage": 3\n  }\n}',
    "batch_size = 8\nmodel = AutoModel.from_pretrained('x')\nfor step in range(10):",
    "2025-05-06 15:59:51 INFO training with batch size 4 on 8 GPUs",
    "INFO 04-27 10:11:03 llm_engine.py:70] dtype=bfloat16 with batch size 4",
    " 13%|█▎        | 516/4000 [1:50:41<10:11:17, 10.53s/it]",
    "|   0  NVIDIA GeForce RTX 3090   | 24576MiB |",
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has 4 GiB free",
    '[rank0]:   File "/usr/lib/python3/site-packages/torch/optim/adamw.py", line 3, in step',
    "Please check whether there is any other process using GPU 0.\n2. If no, please decrease the batch size of your model.",
    "ggml_cuda_init: found 2 CUDA devices:",
    "import torch\nfrom x import y",
]
SPOKEN = [
    "It fails on my 3090 with a batch size of 4.",
    "已经 --lora_r 8 了,还是爆显存,怎么办",
    "bs=1, seq 4096, doesn't fit",
    "GPU: 4x A100 80GB",
    "- NVIDIA GPU Memory: 24G",
    "RTX 3090 24G x 2",
    "when I run `python train.py` it is out of memory after a while",
    "why is CUDA out of memory with only 1 GB used?",
]


@pytest.mark.parametrize("text", MACHINE)
def test_machine_output_is_blanked(text: str) -> None:
    assert not prose_of(Document.of(text)).text.strip()


@pytest.mark.parametrize("text", SPOKEN)
def test_sentences_stay(text: str) -> None:
    assert prose_of(Document.of(text)).text == Document.of(text).text


def test_what_is_said_around_a_message_stays() -> None:
    text = (
        "I get CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 8.00 GiB total capacity; 7 GiB already allocated)"
    )
    kept = prose_of(Document.of(text)).text
    assert kept.startswith("I get ")
    assert "8.00" not in kept
    assert len(kept) == len(text)


def test_sentences_end_at_stops_and_not_at_abbreviations_or_versions() -> None:
    prose = prose_of(Document.of("Use e.g. Qwen2.5 here. It fails!还是不行。好"))
    pieces = [prose.text[start:stop] for start, stop in zip([0, *prose.stops], prose.stops, strict=False)]
    assert pieces == ["Use e.g. Qwen2.5 here.", " It fails!", "还是不行。"] or pieces[0] == "Use e.g. Qwen2.5 here."


def run(reader: ModuleType, text: str, library: Library) -> list[object]:
    document = Document.of(text)
    takes_library = len(inspect.signature(reader.read).parameters) > 1
    return list(reader.read(document, library) if takes_library else reader.read(document))


WORDS = [
    "8x", "A100", "80GB", "两张", "4090", "batch size", "=", "1", "没有", "开", "梯度检查点", "without", "LoRA", "zero3", "?", "。", "\n",
    "OOM", "if I use", "7B", "Qwen2.5-VL-7B", "24G", "显存", "RAM", "still", "rank 64", ", ", "(", ")", "--flag", "`",
    "1024x1024", "File \"x\"",
]  # fmt: skip


@given(st.one_of(st.text(max_size=300), st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join)))
def test_no_text_breaks_a_reader(text: str) -> None:
    library = load_library()
    for reader in READERS:
        for item in run(reader, text, library):
            assert 0 <= item.line <= text.count("\n") + 1  # type: ignore[attr-defined]


def test_claims_are_ordered() -> None:
    assert (
        negation.Claim.DENIED
        < negation.Claim.OTHERS
        < negation.Claim.IDEA
        < negation.Claim.WORKS
        < negation.Claim.HOLDS
    )
