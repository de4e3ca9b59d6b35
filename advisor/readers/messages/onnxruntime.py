r"""ONNX Runtime: the BFC arena, on the GPU or (NCHWc nodes) on the host, and CUDA calls.

>>> log = '''2024-05-06 07:08:09.123456789 [E:onnxruntime:, sequential_executor.cc:514 ExecuteKernel] Non-zero status code returned while running Conv node.
... Name:'/encoder/conv1/Conv' Status Message: bfc_arena.cc:376 void* onnxruntime::BFCArena::AllocateRawInternal(size_t, bool)
... Failed to allocate memory for requested buffer of size 1073741824'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'vram_oom'), ('runtime', 'onnxruntime'), ('tried_to_allocate_gib', 1.0), ('phase', 'forward'), ('task', 'inference')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import BYTES, Compiled, Form, compiled, seen

TRIGGERS = ("onnxruntime", "onnx runtime", "bfcarena", "bfc_arena", "available memory of", "cuda failure")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"_nchwc'[^\n]*requested buffer of size|CPUExecutionProvider[^\n]{0,300}requested buffer of size", "host_oom", 0.96, "onnxruntime"),
        Form(rf"Failed to allocate memory for requested buffer of size {BYTES}", "vram_oom", 0.93, "onnxruntime", ("tried_to_allocate_gib",)),
        Form(rf"Available memory of {BYTES} is smaller than requested bytes of {BYTES}", "vram_oom", 0.95, "onnxruntime", ("gpu_free_gib", "tried_to_allocate_gib")),
        Form(r"CUDA failure 2: out of memory ?;(?: GPU=([0-9]{1,3})\b)?", "vram_oom", 0.95, "onnxruntime", ("gpu_index",)),
        Form(r"CUBLAS failure 3: [^\n]{0,80}ALLOC_FAILED[^\n]{0,20}(?:GPU=([0-9]{1,3})\b)?", "vram_oom", 0.85, "onnxruntime", ("gpu_index",)),
        Form(r"CUDA failure (?:35|100|101|209|999): ", "other_error", 0.93, "onnxruntime", says=(("phase", "init"),)),
        Form(r"Exception during initialization: (?:std::)?bad[ _]alloc", "host_oom", 0.6, "onnxruntime", says=(("phase", "load"), ("task", "inference"))),
        Form(r"onnx runtime error 2: not enough space: expected [0-9]+, got [0-9]+", "other_error", 0.85, "onnxruntime"),
        Form(r"InferenceSession::Initialize|in _create_inference_session", hints=(("phase", "load"), ("task", "inference"))),
        Form(r"while running \w+ node\.", hints=(("phase", "forward"), ("task", "inference"))),
        Form(r"\[[EWIVF]:onnxruntime|onnxruntime::|onnxruntime[/\\]core|onnxruntime_pybind11|onnx runtime error", runtime="onnxruntime", hints=(("task", "inference"),)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure with its numbers."""
    yield from seen(doc, _forms())
