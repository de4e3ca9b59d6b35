r"""PaddlePaddle: "Out of memory error on GPU", its translation, and the message of the host allocator.

>>> log = '''ResourceExhaustedError:
...
... Out of memory error on GPU 1. Cannot allocate 512.000000MB memory on GPU 1, 21.500000GB memory has been allocated and available memory is only
... 310.562500MB.'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'vram_oom'), ('runtime', 'paddle'), ('gpu_index', 1), ('tried_to_allocate_gib', 0.5), ('torch_allocated_gib', 21.5), ('gpu_free_gib', 0.30328369140625), ('framework', 'paddle')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import BYTES, SIZE, Compiled, Form, compiled, seen

TRIGGERS = ("out of memory error on gpu", "cannot allocate", "fail to alloc memory", "内存不足", "paddle")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        # MB and GB are binary: https://github.com/PaddlePaddle/Paddle/blob/develop/paddle/phi/core/memory/allocation/cuda_allocator.cc
        Form(rf"Out of memory error on GPU ([0-9]{{1,3}})\.? Cannot allocate {SIZE} (?:GPU )?memory on GPU [0-9]+,(?: {SIZE} memory has been allocated and)? available memory is only {SIZE}?", "vram_oom", 0.98, "paddle", ("gpu_index", "tried_to_allocate_gib", "torch_allocated_gib", "gpu_free_gib")),
        Form(rf"Cannot allocate {SIZE} GPU memory, available memory is {SIZE}", "vram_oom", 0.98, "paddle", ("tried_to_allocate_gib", "gpu_free_gib")),
        Form(r"Out of memory error on GPU(?: ([0-9]{1,3})\b)?", "vram_oom", 0.95, "paddle", ("gpu_index",)),
        Form(r"GPU ?([0-9]{1,3}) ?上?出现内存不足错误|内存不足错误[^\n]{0,20}GPU ?([0-9]{1,3})", "vram_oom", 0.96, "paddle", ("gpu_index", "gpu_index")),
        Form(rf"上分配 ?{SIZE} ?的?(?:内存|显存)，(?:已分配 ?{SIZE} ?(?:内存|显存)?，)?可用(?:内存|显存)仅为 ?{SIZE}", "vram_oom", 0.96, "paddle", ("tried_to_allocate_gib", "torch_allocated_gib", "gpu_free_gib")),
        Form(rf"Fail to alloc memory of {BYTES} size", "host_oom", 0.97, "paddle", ("tried_to_allocate_gib",), hints=(("phase", "forward"),)),
        Form(r"paddle::memory::allocation::BadAlloc", "vram_oom", 0.8, "paddle"),
        # Of two hints the later one counts: `_grad` operators match both.
        Form(r"\[operator < \w+ > error\]", hints=(("phase", "forward"),)),
        Form(r"\[operator < \w+(?:_grad) > error\]", hints=(("phase", "backward"), ("task", "train"))),
        Form(r"operator\.cc:[0-9]+\] \w+ raises an exception", hints=(("phase", "forward"),)),
        Form(r"operator\.cc:[0-9]+\] \w+_grad raises an exception", hints=(("phase", "backward"), ("task", "train"))),
        Form(r"\bcreate_predictor\(|in create_predictor\b", hints=(("phase", "load"), ("task", "inference"))),
        Form(r"\bpredictor\.run\(|PaddleOCR\([^\n]*\)|\bocr\.ocr\(|tools[/\\]infer[/\\]", hints=(("task", "inference"),)),
        Form(r"(?i)\bpaddle(?:paddle)?\b|Out of memory error on GPU", hints=(("framework", "paddle"),)),
        Form(r"ResourceExhaustedError: [^\n]*paddle|paddle/(?:fluid|phi)|(?:site|dist)-packages/paddle/|paddle::|[/\\\\]paddlex?[/\\\\](?:cv|fluid|phi|nn|tensor|base)[/\\\\]|FLAGS_fraction_of_gpu_memory|\bpaddle\.(?:device|fluid|set_device)", runtime="paddle"),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure with its numbers."""
    yield from seen(doc, _forms())
