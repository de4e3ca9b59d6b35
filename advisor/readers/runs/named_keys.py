r"""A configuration key named in a sentence with its value: "lm_max_length was raised from 128 to 512", "num_generations 改成 4".

>>> from advisor.library import load_library
>>> doc = Document.of("nanoVLM 的 lm_max_length 从 128 改成 512 之后就爆显存")
>>> [(item.fact, item.value) for item in read(doc, load_library())]
[('seq_len', 512)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import re2

from advisor.facts import Observation
from advisor.library import Library
from advisor.readers.document import Document
from advisor.readers.runs.keys import known_key
from advisor.readers.runs.program import ids, recognised
from advisor.readers.runs.settings import Setting, normalised, observations

TRIGGERS = ("_",)

RANK = 45
_MAX = 200


@cache
def _patterns() -> tuple[Any, ...]:
    key = r"`?\b([a-z]+(?:_[a-z0-9]+)+)`?"
    number = r"`?([0-9][0-9_]*(?:\.[0-9]+)?)"
    becomes = "to|->|→|改成|改为|变成|调到|调整为|提高到|增加到|降到|减到|调成"
    set_to = "is|was|of|to|at|为|是|设为|设成|设置为|改成|改为|调成|调到|已经是|已是"
    return (
        # From one value to another: the later one is in force.
        re2.compile(
            rf"(?i){key}\s*(?:was |is |参数)?[^\n.。;;0-9]*?(?:from|从|由)\s*`?[0-9.]+`?\s*(?:{becomes})\s*{number}"
        ),
        re2.compile(rf"(?i){key}\s*(?:{set_to})\s*{number}"),
    )


def read(doc: Document, library: Library) -> Iterator[Observation]:
    """The facts of keys with an underscore that some framework knows; other words are left to the readers of prose."""
    settings = []
    for pattern in _patterns():
        for count, match in enumerate(pattern.finditer(doc.text)):
            if count == _MAX:
                break
            key = normalised(match.group(1))
            if known_key(key, library) and not doc.raw_at(match.start()).lstrip(" \t>").startswith("#"):
                settings.append(Setting(key, match.group(2), match.start(1), RANK, context="command"))
    yield from observations(doc, settings, ids(recognised(doc, library)), library)
