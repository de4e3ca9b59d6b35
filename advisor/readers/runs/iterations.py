"""How far a run came: the last progress bar of training and the losses that were logged, as signals.

>>> bar = "  1%|▏         | 97/9375 [04:10<6:39:01,  2.58s/it]torch.OutOfMemoryError: CUDA out of memory."
>>> [(item.fact, item.value) for item in read(Document.of(bar))]
[('signal', 'after_many_steps')]
>>> list(read(Document.of("Loading checkpoint shards:  50%|█████     | 2/4 [00:10<00:10,  5.1s/it]")))
[]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import re2

from advisor.facts import Observation
from advisor.readers.document import Document

TRIGGERS = ("%|", "'loss':", "loss=", "loss:", "iter")

RANK = 50
_MANY_STEPS, _MANY_LOSSES = 30, 3
_MAX = 2000


@cache
def _patterns() -> dict[str, Any]:
    return {
        # Description, step, total. Rates follow, so a bar of something else than steps has a description.
        "bar": re2.compile(
            r"(?m)(?:^|\r)[ \t]*([A-Za-z][^\n|%]*?)?:?[ \t]*[0-9]+%\|[^|\n]*\|[ \t]*([0-9]+)/([0-9]+)[ \t]*\["
        ),
        "training": re2.compile(r"(?i)epoch|step|train|iter|progress|global"),
        "loss": re2.compile(
            r"\{['\"]loss['\"]: ['\"]?[0-9.]+|(?i)\b(?:iter(?:ation)?|step)s?[ :=\[]*([0-9]+)\b[^\n]*\bloss\b[:= ]*[0-9.]+"
        ),
    }


def read(doc: Document) -> Iterator[Observation]:
    """`at_first_step` when the bar stands at none, `after_many_steps` when many steps or several logged losses went well."""
    patterns = _patterns()
    last: tuple[int, int] | None = None
    for count, match in enumerate(patterns["bar"].finditer(doc.text)):
        if count == _MAX:
            break
        description = match.group(1) or ""
        if len(match.group(2)) <= 9 and (not description or patterns["training"].search(description)):
            last = int(match.group(2)), match.start(2)
    steps, place, losses = (last[0], last[1], 0) if last else (-1, 0, 0)
    for count, match in enumerate(patterns["loss"].finditer(doc.text)):
        if count == _MAX:
            break
        losses += 1
        place = match.start()
        if match.group(1) and len(match.group(1)) <= 9:
            steps = max(steps, int(match.group(1)))
    if losses >= _MANY_LOSSES or steps >= _MANY_STEPS:
        yield Observation("signal", "after_many_steps", doc.line_at(place), doc.quote(place), rank=RANK)
    elif steps == 0 and not losses:
        yield Observation("signal", "at_first_step", doc.line_at(place), doc.quote(place), rank=RANK)
