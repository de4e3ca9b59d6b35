"""What DeepSpeed and transformers log while they set a run up: ZeRO's stage, offloading, the folder of the model.

>>> from advisor.library import load_library
>>> text = '''[INFO] [logging.py:96:log_dist] [Rank 0] Creating torch.bfloat16 ZeRO stage 2 optimizer
... [INFO] [stage_1_and_2.py:149:__init__] CPU Offload: True'''
>>> [(item.fact, item.value) for item in read(Document.of(text), load_library())]
[('zero_stage', 2), ('precision', 'bf16'), ('offload', 'optimizer')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import re2

from advisor.facts import FactValue, Observation
from advisor.library import Library
from advisor.readers.document import Document
from advisor.readers.runs.settings import PRINTED_RANK, of_model
from advisor.readers.runs.values import model_name

TRIGGERS = (
    "zero stage",
    "cpu offload",
    "loading configuration file",
    "loading weights file",
    "zero-offload",
    "checkpoint shards from",
)

_DTYPES = {"bfloat16": "bf16", "float16": "fp16", "fp16": "fp16", "bf16": "bf16", "float32": "fp32"}
_FILE_RANK = 58


@cache
def _patterns() -> dict[str, Any]:
    return {
        "stage": re2.compile(
            r"Creating (?:torch\.)?(bfloat16|float16|fp16|bf16|float32)? ?ZeRO[ -]?stage[ -]?([1-3])|using ZeRO stage ([1-3])\b"
        ),
        "offload": re2.compile(r"(?:CPU Offload: True|Using ZeRO-Offload|cpu_offload: True)"),
        "folder": re2.compile(r"loading (?:configuration|weights) file (\S+?)/(?:config\.json|model\.safetensors|pytorch_model)"),
    }  # fmt: skip


def read(doc: Document, library: Library) -> Iterator[Observation]:
    """The stage and dtype of the optimizer that is made, whether it lives in RAM, and the model by its folder."""
    patterns = _patterns()

    def seen(fact: str, value: FactValue, place: int, rank: int = PRINTED_RANK) -> Observation:
        return Observation(fact, value, doc.line_at(place), doc.quote(place), rank=rank)

    match = patterns["stage"].search(doc.text)
    if match is not None:
        yield seen("zero_stage", int(match.group(2) or match.group(3)), match.start())
        if match.group(1):
            yield seen("precision", _DTYPES[match.group(1)], match.start())
    match = patterns["offload"].search(doc.text)
    if match is not None:
        yield seen("offload", "optimizer", match.start(), PRINTED_RANK - 5)
    match = patterns["folder"].search(doc.text)
    name = model_name(match.group(1), library, known_only=True) if match is not None else None
    if match is not None and name is not None:
        yield seen("model", name, match.start(1), _FILE_RANK)
        for fact, meaning in of_model(name, library, _FILE_RANK).items():
            yield seen(fact, meaning.value, match.start(1), meaning.rank)
