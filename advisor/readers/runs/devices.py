"""The devices of a run by its launcher and environment: CUDA_VISIBLE_DEVICES, NPROC_PER_NODE, --include; and the allocator's setting.

>>> doc = Document.of("NNODES=2 CUDA_VISIBLE_DEVICES=0,1,2,3 swift sft --model x")
>>> [(item.fact, item.value) for item in read(doc)]
[('gpu_count', 8)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import re2

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.runs.settings import COMMAND_RANK
from advisor.readers.runs.shell import node_count, resolved, variables_of

TRIGGERS = (
    "devices",
    "nproc",
    "gpus",
    "gpu_num",
    "alloc_conf",
    "--include",
    "--gpu",
    "gpu_ids",
    "device=",
    "device_ids",
    "num_gpus",
    "num_processes",
    "member:",
    "starting with",
    "split",
    "gres",
    "nvidia.com/gpu",
    "-ts ",
    "-gs ",
    "ngpus",
    "sbatch",
    "found ",
    "initializing ",
    "world",
    "single_device",
)

_VISIBLE = frozenset({"CUDA_VISIBLE_DEVICES", "ASCEND_RT_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES",
                      "NVIDIA_VISIBLE_DEVICES", "ASCEND_VISIBLE_DEVICES"})  # fmt: skip
_COUNTS = frozenset({"NPROC_PER_NODE", "GPUS_PER_NODE", "NUM_GPUS", "GPU_NUM", "GPUS", "N_GPUS", "NGPUS", "NUM_GPUS_PER_NODE",
                     "N_GPUS_PER_NODE", "GPU_COUNT", "nproc_per_node", "num_gpus", "gpus_per_node", "NPROC"})  # fmt: skip
_ALLOCATOR = frozenset({"PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_ALLOC_CONF", "PYTORCH_HIP_ALLOC_CONF"})
_MAX_DEVICES, _MAX_MATCHES = 1024, 500


@cache
def _patterns() -> dict[str, Any]:
    return {
        "variable": re2.compile(
            r"(?m)(?:^|[\s;`'\"(\[-])(?:ENV )?([A-Za-z_]*(?:VISIBLE_DEVICES|NPROC_PER_NODE|nproc_per_node|GPUS|GPUS_PER_NODE|gpus_per_node|"
            r"num_gpus|GPU_NUM|GPU_COUNT|NPROC|ALLOC_CONF))[\"'\]]*[ \t]*[=:][ \t]*(\"[^\"\n]*\"|'[^'\n]*'|[^\s\\;`]+)"
        ),
        "include": re2.compile(r"--include[= ]+[\"']?([\w.-]+:[0-9]+(?:,[0-9]+)*)"),
        "ids": re2.compile(r"--(?:gpu_?ids?|gpus?|device)[= ]+[\"']?(?:cuda:)?([0-9]+(?:,[0-9]+)+)"),
        "listed": re2.compile(
            r"\b(?:device_ids|gpu_ids|gpus|devices?)\s*=\s*\[([0-9]+(?:\s*,\s*[0-9]+)+)\]|[\"']device=([0-9]+(?:,[0-9]+)+)[\"']|"
            r"(?:--gpu[-_]split|--tensor[-_]split|-ts|-gs)[= ]+[\"']?([0-9.]+(?:,[0-9.]+)+)"
        ),
        "granted": re2.compile(
            r"(?:#SBATCH|srun|sbatch|salloc|#PBS)[^\n]*?(?:--gres[= ]gpu(?::[\w-]+)?:|--gpus-per-node[= ](?:\w+:)?|"
            r"--gpus[= ](?:\w+:)?|ngpus=)([0-9]{1,3})|"
            r"nvidia\.com/gpu[\"']?:\s*[\"']?([0-9]{1,3})"
        ),
        "printed": re2.compile(
            r"--num_processes[`'\"]* was set to a value of [`'\"]*([0-9]{1,4})|MEMBER: [0-9]+/([0-9]{1,4})|"
            r"Starting with ([0-9]{1,4}) processes|"
            r"found ([0-9]{1,3}) (?:CUDA|ROCm|HIP|Vulkan|SYCL) devices|initializing (?:ddp|data parallel) with size ([0-9]{1,4})|"
            r"distributed init \(rank \d+\)[^\n]*world[_ ]size:? ([0-9]{1,4})|world_size=([0-9]{1,4})"
        ),
        "single": re2.compile(r"_single_device\b"),
        "found": re2.compile(r"Found device ([0-9]{1,2}) with properties"),
        "advice": re2.compile(r"(?i)to avoid fragmentation|try setting|did you (?:try|set)|without|建议|尝试设置"),
    }


def read(doc: Document) -> Iterator[Observation]:
    """The count of all nodes' devices; the listed ids of one process group."""
    patterns = _patterns()
    variables = variables_of(doc)
    nodes = 0
    for count, match in enumerate(patterns["variable"].finditer(doc.text)):
        if count == _MAX_MATCHES:
            return
        name, place = match.group(1), match.start(1)
        value = resolved(match.group(2).strip("\"',"), variables)
        if doc.raw_at(place).lstrip(" \t>").startswith(("#", "//")):
            continue
        if name in _ALLOCATOR:
            yield from _allocator(doc, value, place)
            continue
        number = _devices(name, value)
        if 0 < number <= _MAX_DEVICES:
            nodes = nodes or node_count(doc)
            # Exact flags of the launcher say it better; a device list may be shared by several processes.
            yield Observation("gpu_count", number * nodes, doc.line_at(place), doc.quote(place), rank=COMMAND_RANK - 2)
    yield from _printed(doc)
    granted = patterns["granted"].search(doc.text)
    if granted is not None and (number := int(granted.group(1) or granted.group(2))) > 0:
        place = granted.start()
        yield Observation(
            "gpu_count", number * node_count(doc), doc.line_at(place), doc.quote(place), rank=COMMAND_RANK - 6
        )
    for name in ("include", "ids", "listed"):
        found = patterns[name].search(doc.text)
        if found is not None:
            number = next(group for group in found.groups() if group).count(",") + 1
            place = found.start()
            yield Observation("gpu_count", number, doc.line_at(place), doc.quote(place), rank=COMMAND_RANK - 1)


def _printed(doc: Document) -> Iterator[Observation]:
    """The count that a launcher, Lightning, DeepSpeed, llama.cpp or TensorFlow prints."""
    for name in ("printed", "single"):
        match = _patterns()[name].search(doc.text)
        if match is None:
            continue
        number = int(next((group for group in match.groups() if group), "1")) if match.groups() else 1
        if 0 < number <= _MAX_DEVICES:
            yield Observation(
                "gpu_count", number, doc.line_at(match.start()), doc.quote(match.start()), rank=COMMAND_RANK - 3
            )
            return
    found = {int(match.group(1)) for match in _patterns()["found"].finditer(doc.text)}
    if found and found == set(range(len(found))):
        match = _patterns()["found"].search(doc.text)
        yield Observation(
            "gpu_count", len(found), doc.line_at(match.start()), doc.quote(match.start()), rank=COMMAND_RANK - 3
        )


def _devices(name: str, value: str) -> int:
    if name in _VISIBLE:
        parts = [part for part in value.split(",") if part.strip()]
        return (
            len(parts)
            if parts and all(part.strip().isdigit() or part.startswith(("GPU-", "MIG-")) for part in parts)
            else 0
        )
    return int(value) if name in _COUNTS and value.isdigit() else 0


def _allocator(doc: Document, value: str, place: int) -> Iterator[Observation]:
    # PyTorch's own advice says the same words; only a line of its own or a command sets it.
    line = doc.quote(place)
    if "expandable_segments:true" not in value.lower() or _patterns()["advice"].search(line):
        return
    yield Observation("signal", "alloc_conf_expandable_set", doc.line_at(place), line, rank=COMMAND_RANK)
    yield Observation("tried", "alloc_conf_expandable", doc.line_at(place), line, rank=COMMAND_RANK)
