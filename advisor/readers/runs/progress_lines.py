"""Progress that programs print with sizes in it: YOLO's epoch lines, the web UI's list of arguments.

>>> text = '''     Epoch   gpu_mem       box       obj       cls    labels  img_size
...       3/99     9.87G   0.06012   0.04421   0.01873       211       960:  41%|####      | 120/290'''
>>> [(item.fact, item.value) for item in read(Document.of(text))]
[('image_resolution', '960'), ('task', 'train')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import re2

from advisor.facts import Observation
from advisor.readers.document import Document

TRIGGERS = ("%|", "arguments: (", "img_size", "size:", "dtype")

RANK, HINT_RANK = 78, 24


@cache
def _patterns() -> dict[str, Any]:
    return {
        "yolo": re2.compile(r"(?m)^\s*[0-9]+/[0-9]+\s+[0-9.]+G(?:\s+[0-9.]+)+\s+([0-9]{2,4}):\s+[0-9]+%\|"),
        # height and width follow the sampler's switches and seeds.
        "web_ui": re2.compile(r"Arguments: \([^\n]*?(?:True|False), ([0-9]{3,4}), ([0-9]{3,4}), (?:True|False)"),
        "picture": re2.compile(r"Steps: [0-9]+, [^\n]*?\bSize: ([0-9]{2,5}x[0-9]{2,5})"),
        "dtype": re2.compile(
            r"(?i)\b(?:detected|loading|using|model|weight)[\w ]{0,20}dtype:? (?:torch\.)?(float8\w*|bfloat16|float16|float32)\b"
        ),
    }


_DTYPES = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}


def read(doc: Document) -> Iterator[Observation]:
    """The size of the pictures, and the numbers' format where a program says what it found."""
    patterns = _patterns()
    match = patterns["yolo"].search(doc.text)
    if match is not None:
        line, quote = doc.line_at(match.start(1)), doc.quote(match.start(1))
        yield Observation("image_resolution", match.group(1), line, quote, rank=RANK)
        yield Observation("task", "train", line, quote, rank=HINT_RANK, origin="derived")
    match = patterns["web_ui"].search(doc.text)
    if match is not None and all(int(side) % 8 == 0 for side in match.groups()):
        line, quote = doc.line_at(match.start()), doc.quote(match.start())
        yield Observation("image_resolution", f"{match.group(2)}x{match.group(1)}", line, quote, rank=RANK)
        yield Observation("task", "inference", line, quote, rank=HINT_RANK, origin="derived")
    match = patterns["picture"].search(doc.text)
    if match is not None:
        line, quote = doc.line_at(match.start(1)), doc.quote(match.start(1))
        yield Observation("image_resolution", match.group(1), line, quote, rank=RANK)
    match = patterns["dtype"].search(doc.text)
    if match is not None:
        word = match.group(1).lower()
        value = "fp8" if word.startswith("float8") else _DTYPES[word]
        yield Observation("precision", value, doc.line_at(match.start()), doc.quote(match.start()), rank=50)
