"""The two sides of a picture or video where they are written apart: `height=1024, width=768`, `--width 832 --height 480`.

>>> [(item.fact, item.value) for item in read(Document.of("pipe(prompt, height=1024, width=768)"))]
[('image_resolution', '768x1024')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import re2

from advisor.facts import Observation
from advisor.readers.document import Document

TRIGGERS = ("height",)

RANK = 56
_MAX_APART, _MAX_MATCHES = 400, 200


@cache
def _pattern() -> Any:
    return re2.compile(
        r"(?i)(?:^|[^a-z0-9])((?:opt|image|img|video|target|sample|output|resize)?[_-]?(?:height|width))[\"'`]?\s*(?:=|:|\s)\s*([0-9]+)\b"
    )


def read(doc: Document) -> Iterator[Observation]:
    """The last pair of sides that stand close together."""
    sides: dict[str, tuple[int, int]] = {}
    pair: tuple[str, int] | None = None
    for count, match in enumerate(_pattern().finditer(doc.text)):
        if count == _MAX_MATCHES:
            break
        number = match.group(2)
        if (
            len(number) > 5
            or not 32 <= int(number) <= 16384
            or doc.raw_at(match.start(1)).lstrip(" \t>").startswith("#")
        ):
            continue
        side = "height" if "height" in match.group(1).lower() else "width"
        sides[side] = int(number), match.start(1)
        if len(sides) == 2 and abs(sides["height"][1] - sides["width"][1]) <= _MAX_APART:
            pair = f"{sides['width'][0]}x{sides['height'][0]}", match.start(1)
    if pair is not None:
        yield Observation("image_resolution", pair[0], doc.line_at(pair[1]), doc.quote(pair[1]), rank=RANK)
