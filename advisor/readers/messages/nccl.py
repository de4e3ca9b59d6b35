r"""NCCL: buffers that found no room on a card, and collectives that failed or timed out because another rank did.

>>> log = '''node3:21457:21702 [2] include/alloc.h:178 NCCL WARN Cuda failure 'out of memory'
... node3:21457:21702 [2] include/alloc.h:185 NCCL WARN Failed to CUDA calloc async 4194304 bytes'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'vram_oom'), ('runtime', 'nccl'), ('gpu_index', 2), ('gpu_index', 2), ('tried_to_allocate_gib', 0.00390625)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = ("nccl", "watchdog", "collective operation")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"(?:\[([0-9]{1,3})\] [\w./:-]+ )?NCCL WARN (?:\[[^\]\n]*\] )?(?:Cuda failure (?:2 )?'out of memory'|Failed to CUDA calloc(?: async)? ([0-9]+) bytes)", "vram_oom", 0.94, "nccl", ("gpu_index", "tried_to_allocate_gib")),
        Form(r"Failed to CUDA calloc(?: async)? ([0-9]+) bytes", "vram_oom", 0.94, "nccl", ("tried_to_allocate_gib",)),
        Form(r"Cuda failure (?:2 )?'out of memory'", "vram_oom", 0.94, "nccl"),
        Form(r"Watchdog caught collective|watchdog got stuck|collective operation timeout", "other_error", 0.5, "nccl", says=(("signal", "nccl_failure"),), hints=(("task", "train"),)),
        Form(r"Some NCCL operations have failed or timed out", "other_error", 0.49, "nccl", says=(("signal", "nccl_failure"),)),
        Form(r"NCCL [Ee]rror(?: in)?|NCCL failure|ncclUnhandledCudaError|ncclSystemError|ncclInternalError|ncclRemoteError|ncclInvalidUsage", "other_error", 0.45, "nccl"),
        Form(r"ProcessGroupNCCL::(?:Work|watchdog|nccl)|ncclCommWatchdog", "other_error", 0.47, "nccl", says=(("signal", "nccl_failure"),), hints=(("task", "train"),)),
        Form(r"\bNCCL (?:INFO|version)\b|(?i)\bnccl[- ]tests?\b", hints=(("runtime", "nccl"),)),
        Form(r"NCCL WARN (?:Call to|Connect to|Error while|NET/|Net|socket|Timeout)", "other_error", 0.46, "nccl"),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """Memory where it is named; else a failure that follows from another rank."""
    yield from seen(doc, _forms())
