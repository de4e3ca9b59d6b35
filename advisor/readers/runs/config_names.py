r"""The model in the name of a configuration that XTuner ships.

>>> from advisor.library import load_library
>>> doc = Document.of("NPROC_PER_NODE=8 xtuner train llava_v15_7b_finetune_lora --deepspeed deepspeed_zero2")
>>> [(item.fact, item.value) for item in read(doc, load_library())]
[('model', 'llava-1.5-7b'), ('params_b', 7.0)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import re2

from advisor.facts import Observation
from advisor.library import Library
from advisor.names import find_models
from advisor.readers.document import Document

TRIGGERS = ("xtuner train",)

RANK = 66  # below what a key of the configuration itself says


@cache
def _patterns() -> dict[str, Any]:
    # https://github.com/InternLM/xtuner/tree/v0.2.0/xtuner/configs: model, size, method, data.
    return {
        "name": re2.compile(r"xtuner train (?:[\w.-]+/)*([a-z][\w.-]*)"),
        "rest": re2.compile(
            r"_(?:qlora|lora|full|dpo|orpo|reward|w|copy|clip|siglip|qformer|finetune|pretrain|sft|custom|internevo|hybrid|with)"
            r"(?:_.*)?$|\.py$"
        ),
        "llava": re2.compile(r"^llava_(?:vicuna_)?(?:v15_(7|13)b|(7|13)b_v15)$"),
        "version": re2.compile(r"([a-z]\d)_(\d)(_\d+(?:_\d)?b)"),
        "size": re2.compile(r"(_\d{1,2})_(\d)b"),
    }


def read(doc: Document, library: Library) -> Iterator[Observation]:
    """The first configuration that is trained with; a name that says no size tells no model."""
    patterns = _patterns()
    match = patterns["name"].search(doc.lower)
    if match is None:
        return
    written = str(patterns["rest"].sub("", str(patterns["rest"].sub("", match.group(1)))))
    llava = patterns["llava"].match(written)
    if llava is not None:
        written = f"llava-1.5-{llava.group(1) or llava.group(2)}b"
    written = str(patterns["version"].sub(r"\1.\2\3", written))
    written = str(patterns["size"].sub(r"\1.\2b", written)).replace("_", "-")
    for found in find_models(written, library):
        if found.params_b:
            line, quote = doc.line_at(match.start(1)), doc.quote(match.start(1))
            yield Observation("model", found.name, line, quote, rank=RANK)
            yield Observation("params_b", found.params_b, line, quote, rank=RANK)
        return
