r"""The machine in the reports that programs print of their environment: LLaMA-Factory, verl, MMEngine, PyTorch's collect_env.

>>> from advisor.library import load_library
>>> report = '''- GPU type: NVIDIA A800-SXM4-80GB
... - GPU number: 4
... - GPU memory: 79.32GB'''
>>> [(item.fact, item.value) for item in read(Document.of(report), load_library())]
[('gpu_name', 'A800-80GB'), ('gpu_count', 4), ('gpu_memory_gib', 79.32)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import re2

from advisor.facts import FactValue, Observation
from advisor.library import Library
from advisor.names import resolve_gpu
from advisor.readers.document import Document
from advisor.units import parse_size

TRIGGERS = (
    "gpu:",
    "gpu：",
    "gpu**",
    "gpu model",
    "gpu card",
    "graphics card",
    "显卡",
    "gpu type",
    "gpu number",
    "gpu count",
    "gpu models",
    "gpu 0",
    "type    :",
    "cpu memory",
    "number of gpus",
)

RANK = 39  # below a sentence about the run
# The machine's cards, of which a run may use fewer: only where nothing else tells.
COUNT_RANK = 21
# A list of what somebody has proves less than what a program printed.
WRITTEN_RANK = 30
_MAX = 64


@cache
def _patterns() -> dict[str, Any]:
    size = r"([0-9]+(?:\.[0-9]+)? ?[MG]i?B)"
    return {
        # https://github.com/hiyouga/LLaMA-Factory: extras/env.py
        "name": re2.compile(r"(?m)^\W{0,4}GPU type\s*[:：]\s*([^\n]{3,60}?)\s*$"),
        # What people write into a list of what they have ("gpu: nvidia 2080 TI", "**GPU**: RTX 3090").
        "written": re2.compile(
            r"(?mi)^\W{0,4}(?:GPUs?(?: model| card| name)?|graphics card|显卡(?:型号)?)[*`]{0,2} ?[:：][*`]{0,2} ?([^\n]{4,48}?)\s*$"
        ),
        "count": re2.compile(r"(?mi)^\W{0,4}(?:GPU (?:number|count)|Number of GPUs)\s*[:：]\s*([0-9]{1,4})\s*$"),
        "memory": re2.compile(rf"(?m)^\W{{0,4}}GPU (?:[0-9]+\s+)?Memory\s*[:：]\s*{size}\s*$|(?m)^\W{{0,4}}GPU memory\s*[:：]\s*{size}\s*$"),
        # https://github.com/volcengine/verl: scripts/diagnose.py
        "typed": re2.compile(r"(?m)^\W{0,4}GPU [0-9]{1,3}\s+Type\s*:\s*([^\n]{3,60}?)\s*$"),
        "ram": re2.compile(rf"(?m)^\W{{0,4}}CPU Memory\s*:\s*{size}\s*$"),
        # https://github.com/open-mmlab/mmengine: utils/dl_utils/collect_env.py
        "listed": re2.compile(r"(?m)^\W{0,4}GPU ([0-9]{1,3}(?:, ?[0-9]{1,3})*)\s*: ((?:NVIDIA|Tesla|GeForce|Quadro|AMD|[AVH][0-9]{2,3})[^\n(]{0,50}?)\s*$"),
    }  # fmt: skip


def read(doc: Document, library: Library) -> Iterator[Observation]:
    """The first card's name and memory, the RAM, and how many cards there are."""
    patterns = _patterns()

    def seen(fact: str, value: FactValue, place: int, rank: int = RANK) -> Observation:
        return Observation(fact, value, doc.line_at(place), doc.quote(place), rank=rank)

    for key in ("name", "typed", "listed"):
        match = patterns[key].search(doc.text)
        row = resolve_gpu(match.group(2 if key == "listed" else 1), library) if match else None
        if match is not None and row is not None:
            yield seen("gpu_name", row.name, match.start())
            break
    else:
        for match in _all(patterns["written"], doc):
            row = resolve_gpu(match.group(1), library)
            if row is not None:
                yield seen("gpu_name", row.name, match.start(), WRITTEN_RANK)
                break
    match = patterns["count"].search(doc.text)
    listed = {number.strip() for item in _all(patterns["listed"], doc) for number in item.group(1).split(",")}
    if match is not None and int(match.group(1)) > 0:
        yield seen("gpu_count", int(match.group(1)), match.start(), COUNT_RANK)
    elif listed:
        yield seen("gpu_count", len(listed), patterns["listed"].search(doc.text).start(), COUNT_RANK)
    for fact, key in (("gpu_memory_gib", "memory"), ("host_ram_gib", "ram")):
        match = patterns[key].search(doc.text)
        size = parse_size(next(group for group in match.groups() if group)) if match else None
        if match is not None and size is not None and size >= 1:
            yield seen(fact, size, match.start())


def _all(pattern: Any, doc: Document) -> Iterator[Any]:
    return (match for match, _ in zip(pattern.finditer(doc.text), range(_MAX), strict=False))
