r"""TensorFlow: "OOM when allocating tensor", the BFC allocator and its dumps, start-up notes, and warnings that are no failure.

>>> log = '''2021-03-02 10:11:12.345678: W tensorflow/core/framework/op_kernel.cc:1767] OP_REQUIRES failed at conv_ops.cc:1115 : Resource exhausted:
... OOM when allocating tensor with shape[64,256,112,112] and type float on /job:localhost/replica:0/task:0/device:GPU:1 by allocator GPU_1_bfc'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'vram_oom'), ('runtime', 'tensorflow'), ('task', 'train'), ('gpu_index', 1)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import re2

from advisor.facts import FactValue, Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import BYTES, SIZE, Compiled, Form, compiled, seen
from advisor.units import parse_size

TRIGGERS = (
    "oom when allocating",
    "resourceexhausted",
    "resource exhausted",
    "bfc",
    "tensorflow",
    "caller indicates",
    "exceeds 10%",
    "totalmemory",
    "inuse:",
    "chunks of size",
    "blas gemm",
    "cudnn handle",
    "convolution algorithm",
    "cublas handle",
    "node: ",
    "failed to allocate",
    "ran out of memory trying",
    "pinned host memory",
    "keras",
)

_TRAINS: tuple[tuple[str, FactValue], ...] = (("task", "train"),)
_NEARLY_FULL = 0.08  # of the card was free before the run


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"OOM when allocating tensor (?:with|of) shape\b(?:\s?\[[0-9, ]*\])?(?:[^\n]{0,200}device:GPU:([0-9]{1,3}))?", "vram_oom", 0.95, "tensorflow", ("gpu_index",), hints=_TRAINS),
        Form(r"OOM when allocating tensor (?:with|of) shape[^\n]{0,160}device:CPU:", "host_oom", 0.98, "tensorflow"),
        Form(r"ResourceExhaustedError[^\n]{0,60}: *(?:Graph execution error|failed to allocate memory|SameWorkerRecvDone|OOM)", "vram_oom", 0.93, "tensorflow"),
        # The driver's refusal: TensorFlow may retry with less and go on.
        Form(rf"failed to allocate {SIZE} \({BYTES} bytes\) from device: CUDA_ERROR_OUT_OF_MEMORY", "vram_oom", 0.88, "tensorflow", ("", "tried_to_allocate_gib")),
        Form(r"CUDA_ERROR_OUT_OF_MEMORY[^\n]{0,40}; total memory reported", "vram_oom", 0.9, "tensorflow"),
        Form(r"The caller indicates that this is not a failure|exceeds 10% of (?:free )?system memory", "none", 0.3, "tensorflow", says=(("signal", "allocator_warning_only"),)),
        Form(rf"Allocator \(GPU_([0-9]{{1,3}})_bfc\) ran out of memory trying to allocate {SIZE}", "", 0.0, "tensorflow", ("gpu_index", "tried_to_allocate_gib")),
        # Without a word that the caller can do without it, an operation has failed.
        Form(rf"ran out of memory trying to allocate {SIZE} \(rounded to {BYTES}\)\s?requested by op", "vram_oom", 0.6, "tensorflow", ("tried_to_allocate_gib",)),
        Form(rf"(?i)\berror\w*[^\n]{{0,120}}ran out of memory trying to allocate {SIZE}", "vram_oom", 0.6, "tensorflow", ("tried_to_allocate_gib",)),
        Form(rf"(?i)ran out of memory trying to allocate {SIZE}", "none", 0.25, "tensorflow", ("tried_to_allocate_gib",)),
        Form(rf"Allocation of {BYTES} exceeds 10% of", "", 0.0, "tensorflow", ("tried_to_allocate_gib",)),
        Form(r"could not allocate pinned host memory of size: ([0-9]+)|failed to alloc ([0-9]+) bytes on host", "host_oom", 0.9, "tensorflow", ("tried_to_allocate_gib", "tried_to_allocate_gib"), says=(("signal", "pinned_memory"),)),
        # The dump of the allocator; Limit is what TensorFlow took, not the card.
        Form(r"Sum Total of in-use chunks|[0-9]+ Chunks of size [0-9]+ totalling", "vram_oom", 0.6, "tensorflow"),
        Form(r"Stats: \s*Limit: +([1-9][0-9,]*)\s+InUse: +([0-9,]+)", "vram_oom", 0.55, "tensorflow", ("gpu_capacity_gib", "torch_allocated_gib")),
        Form(r"per_process_gpu_memory_fraction|memory_limit=|set_virtual_device_configuration|set_logical_device_configuration", says=(("signal", "memory_fraction_cap"),)),
        Form(r"(?:set_memory_growth\(\w+, True|allow_growth ?= ?True|TF_FORCE_GPU_ALLOW_GROWTH ?= ?['\"]?true)", says=(("tried", "tf_allow_growth"),)),
        # The state of the cards before the run.
        Form(rf"totalMemory: {SIZE} freeMemory: {SIZE}", "", 0.0, "tensorflow", ("gpu_capacity_gib", "gpu_free_gib"), rank=75, once=True),
        Form(rf"(?m)^Total memory: {SIZE}\s+Free memory: {SIZE}", "", 0.0, "tensorflow", ("gpu_capacity_gib", "gpu_free_gib"), rank=75, once=True),
        Form(r"device:GPU:([0-9]{1,3})|GPU_([0-9]{1,3})_bfc", facts=("gpu_index", "gpu_index"), rank=80),
        Form(r"Found device ([0-9]{1,3}) with properties", facts=("gpu_index",), rank=74, once=True),
        # Handles are created late, when TensorFlow or another process holds the card already.
        Form(r"[Cc]ould not create cudnn handle: CUDNN_STATUS_(?:ALLOC_FAILED|INTERNAL_ERROR)|failed to create cublas handle|Blas (?:x?GEMM\w*) launch failed", "vram_oom", 0.62, "tensorflow"),
        Form(r"Failed to get convolution algorithm", "vram_oom", 0.56, "tensorflow"),
        Form(r"[Cc]ould not create cudnn handle: CUDNN_STATUS_NOT_INITIALIZED", "vram_oom", 0.55, "tensorflow"),
        Form(r"Resource exhausted: /\S+|Error writing \(tmp\) checkpoint file", "other_error", 0.96, "tensorflow", says=(("phase", "checkpoint_save"), ("signal", "disk_full")), hints=_TRAINS),
        # Where it stood.
        Form(r"(?:Node: |node )[\w/.-]*(?:gradients|Grad)[\w/.-]*", hints=(("phase", "backward"), ("task", "train"))),
        Form(r"(?:Node: |node )[\w/.-]*(?:Adam|Momentum|RMSProp|ApplyGradient)[\w/.-]*", hints=(("phase", "optimizer_step"), ("task", "train"))),
        Form(r"(?:Node: |node )[\w/.-]+ = (?:Conv|MatMul|FusedBatchNorm|BiasAdd|Relu|MaxPool|Mul|Add|Concat|Softmax)", hints=(("phase", "forward"),)),
        Form(r"(?:Node: |node )[\w/.-]*Initializer[\w/.-]*", hints=(("phase", "init"), ("task", "train"))),
        Form(r"\bsave/Save|Node: save/", hints=(("phase", "checkpoint_save"), ("task", "train"))),
        Form(r"INFO:tensorflow:global step|INFO:tensorflow:loss = ", "none", 0.2, "tensorflow", hints=_TRAINS),
        Form(r"tensorflow/(?:core|stream_executor|compiler)/|tensorflow\.python|(?:site|dist)-packages/tensorflow/|keras/engine", runtime="tensorflow"),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure with its numbers; a warning of the allocator alone is none."""
    full = _full_from_the_start(doc)
    if full is not None:
        place, quote = doc.line_at(full), doc.quote(full)
        yield Observation("failure_kind", "vram_oom", place, quote, rank=90, confidence=0.45)
        yield Observation("signal", "other_process_on_gpu", place, quote, rank=90)
    yield from seen(doc, _forms())
    named = _exhausted().search(doc.lower) if "oom when" not in doc.lower else None
    if named is not None and ("tensorflow" in doc.lower or "keras" in doc.lower):
        place, quote = doc.line_at(named.start()), doc.quote(named.start())
        yield Observation("failure_kind", "vram_oom", place, quote, rank=90, confidence=0.56)
        yield Observation("runtime", "tensorflow", place, quote, rank=60)


@cache
def _exhausted() -> Any:
    """The error by its name alone, as people quote it."""
    return re2.compile(r"\bresource ?exh?austed(?: ?error)?\b")


def _full_from_the_start(doc: Document) -> int | None:
    """Where TensorFlow found a card that others had nearly filled before the run."""
    for match in _memory_at_start().finditer(doc.text):
        total, free = parse_size(match.group(1)), parse_size(match.group(2))
        if total is not None and free is not None and free < _NEARLY_FULL * total:
            return int(match.start())
    return None


@cache
def _memory_at_start() -> Any:
    return re2.compile(rf"totalMemory:\s*{SIZE}\s+freeMemory:\s*{SIZE}")
