r"""What the names of scripts and configurations tell: `finetune_lora.sh`, `llama3/8B_qlora_single_device`, `ds_z3_offload.json`.

>>> doc = Document.of("tune run lora_finetune_single_device --config llama3/8B_qlora_single_device --deepspeed ds_z3_config.json")
>>> [(item.fact, item.value) for item in read(doc)]
[('method', 'qlora'), ('task', 'train'), ('zero_stage', 3)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import re2

from advisor.facts import Observation
from advisor.readers.document import Document

TRIGGERS = ("lora", "zero", "stage", "_z", "-z", "full")

RANK = 48
_MAX = 100


@cache
def _patterns() -> dict[str, Any]:
    ending = r"(?:py|sh|ya?ml|json|toml|ipynb)"
    edge = r"(?:^|[\s/\"'=_.-])"
    return {
        "method": re2.compile(
            rf"(?:[\w.-]*{edge})?(qlora|lora|dora)(?:[_.-][\w.-]*)?\.{ending}\b|"
            r"tune run [\w/.-]*?(qlora|lora|full)_?|xtuner train [\w/.-]*?(qlora|lora|full)|(?:train_|finetune_|finetuning_|sft_)(full)\b|"
            r"(full)_(?:sft|finetun|param|ft\b)|--config[ =][\w/.-]*?[/_-](qlora|lora)|networks\.(lora)|"
            rf"[\w-]*_(lora|qlora)_[\w-]*\.{ending}\b"
        ),
        "stage": re2.compile(
            r"(?:zero|zero[_-]?stage|stage|ds[_-]z(?:ero)?|deepspeed[_-](?:z|zero|stage_?)|[_/-]z)[_-]?([123])[\w.-]*\.(?:sh|ya?ml|json|toml|txt)\b|"
            r"deepspeed_stage_([123])(_offload)?\b|^\s*zero([123])\.json"
        ),
    }  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The method and the ZeRO stage in file names; the more special word (`qlora`) where a text has several."""
    patterns = _patterns()
    found: dict[str, int] = {}
    for count, match in enumerate(patterns["method"].finditer(doc.lower)):
        if count == _MAX:
            break
        if doc.raw_at(match.start()).lstrip(" \t>").startswith(("#", "//")):
            continue
        word = next(group for group in match.groups() if group)
        found.setdefault(word, match.start())
    for word in ("qlora", "dora", "lora", "full"):
        if word in found:
            place = found[word]
            method = "lora" if word == "dora" else word
            yield Observation("method", method, doc.line_at(place), doc.quote(place), rank=RANK)
            yield Observation("task", "train", doc.line_at(place), doc.quote(place), rank=25, origin="derived")
            break
    match = patterns["stage"].search(doc.lower)
    if match is not None and not doc.raw_at(match.start()).lstrip(" \t>").startswith(("#", "//")):
        stage = next(group for group in match.groups() if group and group.isdigit())
        yield Observation("zero_stage", int(stage), doc.line_at(match.start()), doc.quote(match.start()), rank=RANK)
