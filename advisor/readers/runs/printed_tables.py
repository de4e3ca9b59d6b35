"""Tables of arguments that programs print: dotted leaders (Megatron), DeepSpeed's `:print]` lines, Markdown and rich tables.

>>> from advisor.library import load_library
>>> text = '''  micro_batch_size ................................ 4
...   seq_length ...................................... 2048'''
>>> [(item.fact, item.value) for item in read(Document.of(text), load_library())]
[('batch_size', 4), ('seq_len', 2048)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import re2

from advisor.facts import Observation
from advisor.library import Library
from advisor.readers.document import Document
from advisor.readers.runs.keys import is_plain, known_key, normalised
from advisor.readers.runs.program import ids, recognised
from advisor.readers.runs.settings import PRINTED_RANK, Setting, observations

TRIGGERS = ("_", "...")

_MAX_ROWS = 2000
# DeepSpeed prints some keys of its configuration joined.
_JOINED = {
    "zero_optimization_stage": "zero_optimization.stage", "bfloat16_enabled": "bf16.enabled", "fp16_enabled": "fp16.enabled",
    "float16_enabled": "fp16.enabled",
}  # fmt: skip


@cache
def _row() -> Any:
    return re2.compile(
        r"(?m)^(?:[^\n]*:print\]|[\s|>*•-]*)[ \t]*[`\"']?([a-z][a-z0-9_]*)[`\"']?(?:[ \t]*\.{2,}[ \t]*|[ \t]*\|[ \t]*|  +|\t+)"
        r"([^\s|=:]+)[ \t]*\|?[ \t]*(?:\||$)"
    )


def read(doc: Document, library: Library) -> Iterator[Observation]:
    """The rows whose key can mean nothing else, or that DeepSpeed and Megatron mark as their own."""
    settings = []
    for count, match in enumerate(_row().finditer(doc.text)):
        if count == _MAX_ROWS:
            break
        key = normalised(match.group(1))
        key = _JOINED.get(key, key)
        marked = ".." in match.group() or ":print]" in match.group()
        if not known_key(key, library):
            continue
        if "_" not in key and not marked:
            if "|" in match.group():
                # In a table with two columns a common word is a setting too, if the value fits.
                settings.append(Setting(key, match.group(2).strip("`\"'"), match.start(1), PRINTED_RANK - 20))
        elif marked or is_plain(key, library):
            settings.append(Setting(key, match.group(2).strip("`\"'"), match.start(1), PRINTED_RANK, context="command"))
    if settings:
        yield from observations(doc, settings, ids(recognised(doc, library)), library)
