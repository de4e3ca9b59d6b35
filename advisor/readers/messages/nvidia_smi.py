r"""Tables of nvidia-smi and nvitop, and the one-line forms of gpustat: the cards, their memory, and who else is on them.

>>> table = '''+-----------------------------------------------------------------------------------------+
... | NVIDIA-SMI 550.54.15              Driver Version: 550.54.15      CUDA Version: 12.4     |
... |-----------------------------------------+------------------------+----------------------+
... |   0  NVIDIA GeForce RTX 4090        Off |   00000000:01:00.0 Off |                  Off |
... | 32%   48C    P2             88W /  450W |    8123MiB /  24564MiB |     12%      Default |'''
>>> from advisor.library import load_library
>>> for item in read(Document.of(table), load_library()):
...     print(item.fact, round(item.value, 2) if isinstance(item.value, float) else item.value)
gpu_index 0
gpu_capacity_gib 23.99
process_in_use_gib 7.93
gpu_name RTX 4090
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import re2
from msgspec.structs import replace

from advisor.facts import FactValue, Observation
from advisor.library import Library
from advisor.names import resolve_gpu
from advisor.readers.document import Document
from advisor.records import Gpu
from advisor.units import parse_size

TRIGGERS = ("mib /", "mb |", "mib|", "nvidia-smi", "nvitop")

_SHORTEST = 5
_NEAR = 0.05
RANK = 50  # below what people say of their run, above guesses
_USED_RANK = 15  # the table tells what a card holds, mostly one process


@cache
def _patterns() -> dict[str, Any]:
    return {
        "card": re2.compile(r"(?m)^\W*([0-9]{1,2})\s+((?:NVIDIA |Tesla |GeForce |Quadro |TITAN |A[0-9]|H[0-9]|L[0-9]|RTX |GRID )[\w .-]*?)\s+(?:On|Off|N/A)\s"),
        "memory": re2.compile(r"([0-9]+)\s?MiB\s*/\s*([0-9]+)\s?MiB"),
        "nvitop": re2.compile(r"([0-9.]+[MG]iB)\s*/\s*([0-9.]+[MG]iB)"),
        "gpustat": re2.compile(r"(?m)^\W*\[([0-9]{1,2})\]\s+([\w .-]+?)\s*\|[^|\n]*\|\s*([0-9]+)\s*/\s*([0-9]+)\s*MB"),
        "process": re2.compile(r"(?m)^\W*([0-9]{1,2})\s+(?:N/A\s+N/A\s+)?([0-9]{2,8})\s+C(?:\+G)?\s+(\S+)\s+([0-9]+)MiB"),
    }  # fmt: skip


def read(doc: Document, library: Library) -> Iterator[Observation]:
    """The first card with its size; the number of cards where there are several; other processes as a signal."""
    patterns = _patterns()

    def seen(fact: str, value: FactValue, offset: int) -> Observation:
        return Observation(fact, value, doc.line_at(offset), doc.quote(offset), rank=RANK)

    text = doc.text
    cards = [(match.group(1), match.group(2), match.start()) for match in patterns["card"].finditer(text)]
    sizes = [
        (f"{match.group(1)} MiB", f"{match.group(2)} MiB", match.start()) for match in patterns["memory"].finditer(text)
    ]
    if not sizes and "nvitop" in doc.lower:  # elsewhere such pairs are containers' RAM
        sizes = [(match.group(1), match.group(2), match.start()) for match in patterns["nvitop"].finditer(text)]
    for match in patterns["gpustat"].finditer(text):
        cards.append((match.group(1), match.group(2), match.start()))
        sizes.append((f"{match.group(3)} MiB", f"{match.group(4)} MiB", match.start()))
    if cards:
        yield seen("gpu_index", int(cards[0][0]), cards[0][2])
    if sizes:
        total = parse_size(sizes[0][1])
        if total is not None and total >= 0.5:
            yield seen("gpu_capacity_gib", total, sizes[0][2])
            used = parse_size(sizes[0][0])
            if used is not None and 0.1 <= used <= total:
                yield replace(seen("process_in_use_gib", used, sizes[0][2]), rank=_USED_RANK, origin="derived")
    if cards:
        is_cut = "..." in text[cards[0][2] : cards[0][2] + 80]
        name = cards[0][1].rstrip(". ")
        known = resolve_gpu(name, library)
        whole = _cut_short(name, sizes, library) if is_cut else known.name if known is not None else None
        if whole is not None:
            yield seen("gpu_name", whole, cards[0][2])
        indexes = {index for index, _, _ in cards}
        if len(indexes) > 1 and len(indexes) == len(cards):
            yield seen("gpu_count", len(indexes), cards[0][2])
    holders: dict[str, set[str]] = {}
    for match in patterns["process"].finditer(text):
        holders.setdefault(match.group(1), set()).add(match.group(2))
        if len(holders[match.group(1)]) == 2:
            yield seen("signal", "other_process_on_gpu", match.start())
            break


def _cut_short(name: str, sizes: list[tuple[str, str, int]], library: Library) -> str | None:
    """The card whose name older tables cut ("GeForce GTX 108..."), where its memory leaves only one."""
    total = parse_size(sizes[0][1]) if sizes else None
    beginning = name.lower().removeprefix("nvidia ").removeprefix("geforce ").removeprefix("tesla ")
    if total is None or len(beginning) < _SHORTEST or not any(char.isdigit() for char in beginning):
        return None

    def fits(row: Gpu) -> bool:
        spelled = (spelling.lower() for spelling in (row.name, *row.aliases))
        near = min(abs(row.memory_gb - total), abs(row.usable_gib - total)) < _NEAR * row.memory_gb
        return near and any(beginning in spelling for spelling in spelled)

    found = {row.name for row in library.gpus.values() if fits(row)}
    return found.pop() if len(found) == 1 else None
