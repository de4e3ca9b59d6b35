r"""The length of a sequence in reinforcement learning: the prompt's limit and the completion's together.

>>> doc = Document.of("python -m verl.trainer.main_ppo data.max_prompt_length=1024 data.max_response_length=3072")
>>> [(item.fact, item.value) for item in read(doc)]
[('seq_len', 4096)]
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from functools import cache
from typing import Any

import re2

from advisor.facts import Observation
from advisor.readers.document import Document

TRIGGERS = ("max_completion_length", "max_response_length", "generate_max_len")

RANK = 72  # above a limit of the prompt alone
_MOST = 4_000_000


@cache
def _patterns() -> tuple[Any, Any]:
    # TRL's GRPOConfig; verl's and EasyR1's data section; OpenRLHF's flags.
    number = r"[\"']?[ \t]{0,8}[=: ,][\s\"',]{0,8}([0-9][0-9_]{0,9})\b"
    return (
        re2.compile(rf"\b(?:max_prompt_length|prompt_max_len){number}"),
        re2.compile(rf"\b(?:max_completion_length|max_response_length|generate_max_len){number}"),
    )


def read(doc: Document) -> Iterator[Observation]:
    """The sum of the last limit of each kind, where both are told."""
    sizes, place = [], 0
    for pattern in _patterns():
        last = deque(pattern.finditer(doc.lower), maxlen=1)
        if not last:
            return
        sizes.append(int(last[0].group(1).replace("_", "")))
        place = max(place, last[0].start())
    total = sum(sizes)
    if 0 < total < _MOST:
        yield Observation("seq_len", total, doc.line_at(place), doc.quote(place), rank=RANK, origin="derived")
