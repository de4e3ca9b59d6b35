r"""The model that a log says it is loading: `INFO:Loading vicuna-7b-v1.5...`, "Loading model from /models/Qwen2.5-7B-Instruct".

>>> from advisor.library import load_library
>>> [(item.fact, item.value) for item in read(Document.of("12:00:01 INFO     Loading vicuna-7b-v1.5..."), load_library())]
[('model', 'vicuna-7b-v1.5'), ('params_b', 7.0)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import re2

from advisor.facts import Observation
from advisor.library import Library
from advisor.readers.document import Document
from advisor.readers.runs.settings import of_model
from advisor.readers.runs.values import model_name

TRIGGERS = ("loading",)

RANK = 42  # a model that a sentence names is as good; a command says it better
_MAX = 40
_OTHERS = (
    "tokenizer",
    "processor",
    "lora",
    "adapter",
    "vae",
    "embedding",
    "dataset",
    ".json",
    ".py",
    ".so",
    ".dll",
    "reward",
    "draft",
)


@cache
def _pattern() -> Any:
    return re2.compile(
        r"(?m)^[^\n]{0,60}?\b[Ll]oading (?:(?:the )?(?:base )?model |weights |checkpoint )?(?:from )?[\"'`]?([A-Za-z0-9_./~:\\-]{5,160})"
    )


def read(doc: Document, library: Library) -> Iterator[Observation]:
    """The first such line whose name is a known model's, or tells a size."""
    for match, _ in zip(_pattern().finditer(doc.text), range(_MAX), strict=False):
        written = match.group(1).rstrip(".:")
        if any(word in match.group().lower() for word in _OTHERS):
            continue
        name = model_name(written, library, known_only=True)
        if name is None:
            continue
        line, quote = doc.line_at(match.start(1)), doc.quote(match.start(1))
        yield Observation("model", name, line, quote, rank=RANK)
        for fact, meaning in of_model(name, library, RANK).items():
            yield Observation(fact, meaning.value, line, quote, rank=meaning.rank)
        return
