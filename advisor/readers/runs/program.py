"""Which program ran: by what proves it in paths, commands and class names; the most specific one, not the library below it.

>>> from advisor.library import load_library
>>> log = 'File "/opt/conda/lib/python3.10/site-packages/trl/trainer/sft_trainer.py", line 402, in compute_loss'
>>> [(item.fact, item.value) for item in read(Document.of(log), load_library())]
[('framework', 'trl')]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import re2
from msgspec import Struct

from advisor.facts import Observation
from advisor.library import Library
from advisor.readers.document import Document

TRIGGERS: tuple[str, ...] = ()

RANK = 65
# Libraries that programs are built on: the answer only when nothing above them is found.
_UNDERNEATH = ("pytorch", "deepspeed", "accelerate", "transformers", "peft", "lightning", "mmengine", "bitsandbytes")
_VERSION = r"(?i)\b{name}\s*(?:==|version:?|v|:|\()\s*v?([0-9]+\.[0-9]+(?:\.[0-9]+)?(?:[.+a-z0-9]*)?)"


class Found(Struct, frozen=True):
    """A program that was recognised, and where its first marker stands."""

    framework: str
    offset: int
    count: int


@lru_cache(maxsize=4)
def _markers(library: Library) -> tuple[tuple[str, str], ...]:
    pairs = [
        (marker.lower(), framework.id) for framework in library.frameworks.values() for marker in framework.markers
    ]
    return tuple(pair for pair in pairs if len(pair[0]) >= 4)


@lru_cache(maxsize=8)
def recognised(doc: Document, library: Library) -> tuple[Found, ...]:
    """All programs whose markers occur, the most specific first: what others inherit from comes after them."""
    lower = doc.lower
    first: dict[str, int] = {}
    count: dict[str, int] = {}
    for marker, framework in _markers(library):
        at = lower.find(marker)
        if at >= 0:
            first[framework] = min(at, first.get(framework, at))
            count[framework] = count.get(framework, 0) + 1
    below = {name for framework in first for name in library.lineage(framework)[1:]}
    found = [Found(name, first[name], count[name]) for name in first]

    def order(item: Found) -> tuple[int, int, int, int]:
        rank = _UNDERNEATH.index(item.framework) if item.framework in _UNDERNEATH else -1
        return (rank >= 0 or item.framework in below, -rank if rank >= 0 else 0, -item.count, item.offset)

    return tuple(sorted(found, key=order))


def read(doc: Document, library: Library) -> Iterator[Observation]:
    """The program that ran, and its version and PyTorch's where they are printed."""
    programs = recognised(doc, library)
    if programs:
        best = programs[0]
        # Of a bare loop only PyTorch's own frames are seen: that proves no program.
        if best.framework != "pytorch":
            yield Observation("framework", best.framework, doc.line_at(best.offset), doc.quote(best.offset), rank=RANK)
            yield from _version(doc, best.framework, "framework_version", library)
    yield from _version(doc, "torch", "torch_version", library)


def _version(doc: Document, name: str, fact: str, library: Library) -> Iterator[Observation]:
    known = library.frameworks.get(name)
    for spelling in [name, *(known.names if known else ())][:4]:
        if spelling.lower() not in doc.lower:
            continue
        match = _pattern(spelling).search(doc.text)
        if match is not None:
            place = match.start(1)
            yield Observation(fact, match.group(1), doc.line_at(place), doc.quote(place), rank=RANK)
            return


@lru_cache(maxsize=256)
def _pattern(name: str) -> Any:
    return re2.compile(_VERSION.format(name=re2.escape(name)))


def ids(programs: Sequence[Found]) -> list[str]:
    """The names of the programs, in their order."""
    return [program.framework for program in programs]
