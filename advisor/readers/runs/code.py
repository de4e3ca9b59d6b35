"""Python code without keys: the model in a call, methods that switch something on, optimizers, autocast, training and generating.

>>> from advisor.library import load_library
>>> text = '''model = AutoModelForCausalLM.from_pretrained("EleutherAI/pythia-6.9b").half().cuda()
... model.gradient_checkpointing_enable()
... optimizer = torch.optim.SGD(model.parameters(), lr=0.1)'''
>>> for item in read(Document.of(text), load_library()):
...     print(item.fact, item.value)
model EleutherAI/pythia-6.9b
params_b 6.9
gradient_checkpointing True
precision fp16
optimizer sgd
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import re2

from advisor.facts import Observation
from advisor.library import Library
from advisor.readers.document import Document
from advisor.readers.runs.settings import CODE_RANK, of_model
from advisor.readers.runs.values import model_name, translated

TRIGGERS = ("(",)

_TASK_RANK = 31
_FAILED_RANK = 45
_MAX = 200
_MAX_NAMES = 10
_METHODS: tuple[tuple[str, str, str | bool], ...] = (
    (r"\.(?:gradient|activation)_checkpointing_enable\(|\.enable_gradient_checkpointing\(|\.set_grad_checkpointing\(|apply_activation_checkpointing\(",
     "gradient_checkpointing", True),
    (r"\.(?:gradient|activation)_checkpointing_disable\(|\.disable_gradient_checkpointing\(", "gradient_checkpointing", False),
    (r"\.half\(\)|\.to\((?:[\w\"'.:, =]*)torch\.(?:float16|half)\)", "precision", "fp16"),
    (r"\.bfloat16\(\)|\.to\((?:[\w\"'.:, =]*)torch\.bfloat16\)", "precision", "bf16"),
    (r"\.enable_xformers_memory_efficient_attention\(", "flash_attention", True),
    (r"\.enable_(?:sequential|model)_cpu_offload\(", "offload", "params"),
    (r"FullyShardedDataParallel\(|\bFSDP\(|fully_shard\(", "fsdp", True),
    (r"\bget_peft_model\(", "method", "lora"),
    (r"prepare_model_for_(?:kbit|int8)_training\(", "kbit_prepare", True),
)  # fmt: skip


@cache
def _patterns() -> dict[str, Any]:
    text = r"[\"']([^\"'\n]+)[\"']"
    return {
        "pretrained": re2.compile(
            rf"\b(?:(\w+)\.(?:from_pretrained|from_single_file)|pipeline|LLM|YOLO|WhisperModel|Llama|load_model|create_model|SentenceTransformer|"
            rf"load_checkpoint_and_dispatch)\(\s*(?:\"[a-z-]+\"\s*,\s*)?(?:(?:model|model_name|model_id|model_path|pretrained_model_name_or_path)"
            rf"\s*=\s*)?{text}"
        ),
        "by_name": re2.compile(
            r"\b(\w+)\.from_pretrained\(\s*(?:pretrained_model_name_or_path\s*=\s*)?([A-Za-z_]\w*)\s*[,)]"
        ),
        "optimizer": re2.compile(
            r"\b(?:torch\.optim|optim|bnb\.optim|bitsandbytes\.optim|transformers|deepspeed\.ops\.adam|apex\.optimizers|keras\.optimizers)\.(\w+)\(|"
            r"=\s*(AdamW|Adam|SGD|Adafactor|Adam8bit|AdamW8bit|PagedAdamW8bit|Lion|Prodigy|DeepSpeedCPUAdam|FusedAdam|Muon|RMSprop)\("
        ),
        "autocast": re2.compile(r"\bautocast\(([^\n)]*)\)|\bGradScaler\("),
        "train": re2.compile(
            r"\.backward\(|\btrainer\.(?:train|fit)\(|\bTrainer\(|\.fit\(|optimizer\.step\(|\bmodel\.train\(|\w+Trainer\(|TrainingArguments\(|\btrain_epoch\("
        ),
        "arrow": re2.compile(r"(?m)^-+> *[0-9]+[^\n]*(?:\b(?:model|trainer)\.(?:train|fit)\(|\.backward\()"),
        "infer": re2.compile(
            r"\.generate\(|\bpipe(?:line)?\(|\.transcribe\(|\.predict\(|\bLLM\(|\.chat\(|torch\.no_grad\(|inference_mode\(|WhisperModel\("
        ),
        **{fact_text: re2.compile(fact_text) for fact_text, _, _ in _METHODS},
    }


def read(doc: Document, library: Library) -> Iterator[Observation]:
    """Each call that is no comment; training wins over generating, which training loops do as well."""
    patterns = _patterns()
    yield from _of_variables(doc, library)
    yield from _models(doc, library)
    for pattern, fact, value in _METHODS:
        match = _first(doc, patterns[pattern])
        if match is not None:
            yield Observation(fact, value, doc.line_at(match.start()), doc.quote(match.start()), rank=CODE_RANK - 2)
    match = _first(doc, patterns["optimizer"])
    if match is not None:
        name = match.group(1) or match.group(2)
        optimizer = translated("optimizer", name, "pytorch", library, strict=True)
        if isinstance(optimizer, str):
            yield Observation(
                "optimizer", optimizer, doc.line_at(match.start()), doc.quote(match.start()), rank=CODE_RANK - 1
            )
    match = _first(doc, patterns["autocast"])
    if match is not None:
        words = (match.group(1) or "").lower()
        if "enabled=false" not in words.replace(" ", ""):
            value = "amp-bf16" if "bfloat16" in words else "amp-fp16"
            yield Observation(
                "precision", value, doc.line_at(match.start()), doc.quote(match.start()), rank=CODE_RANK + 1
            )
    arrow = patterns["arrow"].search(doc.text)
    if arrow is not None:  # the very line that failed
        yield Observation("task", "train", doc.line_at(arrow.start()), doc.quote(arrow.start()), rank=_FAILED_RANK)
    train, infer = _first(doc, patterns["train"]), _first(doc, patterns["infer"])
    found = train or infer
    if found is not None:
        place = found.start()
        task = "train" if train is not None else "inference"
        yield Observation("task", task, doc.line_at(place), doc.quote(place), rank=_TASK_RANK, origin="derived")


def _models(doc: Document, library: Library) -> Iterator[Observation]:
    for count, match in enumerate(_patterns()["pretrained"].finditer(doc.text)):
        if count == _MAX:
            return
        holder = (match.group(1) or "").lower()
        if "tokenizer" in holder or "processor" in holder or "config" in holder or _is_comment(doc, match.start()):
            continue
        if holder.endswith(
            ("vae", "scheduler", "lora", "controlnet", "autoencoderkl", "peftmodel", "textencoder", "cliptextmodel")
        ):
            continue
        name = model_name(match.group(2), library)
        if name is None:
            continue
        line, quote = doc.line_at(match.start()), doc.quote(match.start())
        yield Observation("model", name, line, quote, rank=CODE_RANK)
        for fact, meaning in of_model(name, library, CODE_RANK).items():
            yield Observation(fact, meaning.value, line, quote, rank=meaning.rank)


def _of_variables(doc: Document, library: Library) -> Iterator[Observation]:
    """`from_pretrained(name, ...)` where the text assigns a string to the name."""
    for count, match in enumerate(_patterns()["by_name"].finditer(doc.text)):
        if count == _MAX_NAMES:
            return
        holder, variable = (match.group(1) or "").lower(), match.group(2)
        if any(word in holder for word in ("tokenizer", "processor", "config")) or _is_comment(doc, match.start()):
            continue
        assigned = re2.search(rf"\b{re2.escape(variable)}\s*=\s*[\"']([^\"'\n]+)[\"']", doc.text)
        name = model_name(assigned.group(1), library, strict=True) if assigned else None
        if assigned is not None and name is not None:
            line, quote = doc.line_at(assigned.start()), doc.quote(assigned.start())
            yield Observation("model", name, line, quote, rank=CODE_RANK)
            for fact, meaning in of_model(name, library, CODE_RANK).items():
                yield Observation(fact, meaning.value, line, quote, rank=meaning.rank)


def _first(doc: Document, pattern: Any) -> Any:
    for count, match in enumerate(pattern.finditer(doc.text)):
        if count == _MAX:
            break
        if not _is_comment(doc, match.start()):
            return match
    return None


def _is_comment(doc: Document, offset: int) -> bool:
    if doc.raw_at(offset).lstrip(" \t>").startswith("#"):
        return True
    start = doc.text.rfind("\n", 0, offset) + 1
    return " #" in doc.text[start:offset]
