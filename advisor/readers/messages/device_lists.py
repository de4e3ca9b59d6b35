r"""The cards that programs list when they start: llama.cpp, Ollama, Unsloth, ComfyUI, Ultralytics, nvidia-smi's queries.

>>> log = '''ggml_cuda_init: found 2 CUDA devices:
...   Device 0: NVIDIA GeForce RTX 3090, compute capability 8.6, VMM: yes
...   Device 1: NVIDIA GeForce RTX 3090, compute capability 8.6, VMM: yes'''
>>> from advisor.library import load_library
>>> [(item.fact, item.value) for item in read(Document.of(log), load_library())]
[('gpu_name', 'RTX 3090'), ('gpu_count', 2)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import re2

from advisor.facts import Observation
from advisor.library import Library
from advisor.names import resolve_gpu
from advisor.readers.document import Document
from advisor.units import parse_size

TRIGGERS = (
    "compute capability",
    "max memory:",
    "total vram",
    "cuda:",
    "device name:",
    "device: ",
    "mib",
    "library=cuda",
    "library=rocm",
    "(uuid:",
    "name: geforce",
    "name: nvidia",
    "name: tesla",
    "name: quadro",
    "name: titan",
)

RANK = 50  # below what people say of their run, above guesses
_SMALLEST_GIB = 0.5


@cache
def _patterns() -> tuple[Any, ...]:
    name = r"((?:NVIDIA|AMD|Tesla|GeForce|Quadro|RTX|GTX|TITAN|Intel|Radeon|A[0-9]{2,3}|H[0-9]{2,3}|L[0-9])[^\n,;:|()\"]{0,40}?)"
    # Groups: the card's number, its name, its memory; absent groups are named by (?P<...>) only where they occur.
    return tuple(
        re2.compile(pattern)
        for pattern in (
            # https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-cuda/ggml-cuda.cu
            rf"(?m)Device (?P<index>[0-9]{{1,2}}): (?P<name>{name}), (?:compute capability|gfx)",
            # https://github.com/ollama/ollama: "inference compute" in its log
            rf"library=(?:cuda|rocm)[^\n]{{0,120}}?name=\"?(?P<name>{name})\"? total=\"?(?P<size>[0-9.]+ ?[KMGT]iB)",
            # https://github.com/unslothai/unsloth: the banner
            rf"GPU: (?P<name>{name})\. (?:Num GPUs = [0-9]+\. )?Max memory: (?P<size>[0-9.]+ GB)",
            # https://github.com/comfyanonymous/ComfyUI: model_management.py
            r"(?m)^Total VRAM (?P<size>[0-9]{3,7} MB)\b",
            # https://github.com/ultralytics/ultralytics: select_device
            rf"CUDA:(?P<index>[0-9]{{1,2}}) \((?P<name>{name}), (?P<size>[0-9]{{3,6}}(?:\.[0-9]+)? ?M(?:i?B)?)\)",
            # TensorFlow: common_runtime/gpu/gpu_device.cc
            rf"(?m)^(?:\W{{0,4}}|[^\n]{{0,80}}\] )name: (?P<name>{name})(?: major: [0-9]|$)",
            # xpu-smi discovery
            r"(?m)\bDevice Name: (?P<name>Intel\(R\) [^\n|]{3,40}?)(?: Graphics)?\s*(?:\||$)",
            # SD.Next: what it found at its start
            rf"(?m)^\W{{0,4}}device: (?P<name>{name}) \([0-9]{{1,2}}\)",
            # XLA: service.cc
            rf"StreamExecutor device \([0-9]{{1,2}}\): (?P<name>{name}), Compute Capability",
            # nvidia-smi -L, and --query-gpu=name,memory.total
            rf"(?m)^\s*GPU (?P<index>[0-9]{{1,2}}): (?P<name>{name}) \(UUID: ",
            rf"(?m)^\s*(?:[0-9]{{1,2}}, ?)?(?P<name>{name})(?:, ?| {{2,}})(?P<size>[0-9]{{3,6}} ?MiB)\s*$",
        )
    )


def read(doc: Document, library: Library) -> Iterator[Observation]:
    """The first card of each list with its memory, and how many there are where a list has several."""
    for pattern in _patterns():
        matches = [match for _, match in zip(range(64), pattern.finditer(doc.text), strict=False)]
        if not matches:
            continue
        first = matches[0]
        groups = first.groupdict()
        line, quote = doc.line_at(first.start()), doc.quote(first.start())
        row = (
            resolve_gpu(groups["name"].replace("(R)", "").replace("(TM)", "").strip(), library)
            if groups.get("name")
            else None
        )
        if row is not None:
            yield Observation("gpu_name", row.name, line, quote, rank=RANK)
        size = (
            parse_size(groups["size"] if groups["size"][-1] != "M" else groups["size"] + "B")
            if groups.get("size")
            else None
        )
        if size is not None and size >= _SMALLEST_GIB:
            yield Observation("gpu_memory_gib", size, line, quote, rank=RANK)
        numbers = {match.group("index") for match in matches} if "index" in groups else set()
        if len(numbers) > 1:
            yield Observation("gpu_count", len(numbers), line, quote, rank=RANK)
