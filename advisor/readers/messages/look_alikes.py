r"""Failures that are no shortage of memory, though they look or sound like one.

>>> [(o.fact, o.value) for o in read(Document.of("triton.runtime.errors.OutOfResources: out of resource: shared memory, Required: 147456"))]
[('failure_kind', 'kernel_resources'), ('runtime', 'triton'), ('task', 'inference')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = (
    "out of resource", "ptxas", "assert", "illegal memory", "unspecified launch", "driver", "not compiled with cuda", "device ordinal",
    "kernel image", "busy or unavailable", "watchdog", "no space left", "errno 122", "quota", "scalar type", "segmentation", "sigsegv", "segfault",
    "out of range", "sequence length is longer", "hash value", "unexpected eof", "header", "nansexception", "gradient overflow", "no module named",
    "expected m1", "error code 139", "exitcode", "misaligned", "nccl", "oserror", "valueerror", "keyerror", "typeerror", "attributeerror", "importerror",
    "assertionerror", "indexerror", "size mismatch", "epoch", "loss",
)  # fmt: skip


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"out of resources?: (?:shared memory|threads|registers)", "kernel_resources", 0.98, "triton", hints=(("task", "inference"),)),
        Form(r"ptxas (?:error|fatal)[^\n]{0,120}(?:shared data|shared memory|registers)|too many resources requested for launch", "kernel_resources", 0.95),
        Form(r"device-side assert triggered", "other_error", 0.94, hints=(("task", "train"),)),
        Form(r"illegal memory access|cudaErrorIllegalAddress|misaligned address|unspecified launch failure", "other_error", 0.93),
        Form(r"driver version is insufficient|driver on your system is too old|Torch not compiled with CUDA enabled|no NVIDIA driver|invalid device ordinal|no kernel image is available|busy or unavailable|Found no NVIDIA driver", "other_error", 0.93, hints=(("phase", "init"),)),
        Form(r"Watchdog caught collective operation timeout|watchdog got stuck", "other_error", 0.5, "nccl", hints=(("task", "train"),)),
        Form(r"NCCL (?:error|failure|WARN)|ncclUnhandledCudaError|ncclSystemError|ncclInternalError", "other_error", 0.45, "nccl"),
        Form(r"(?i)No space left on device|\[Errno 122\]|disk quota exceeded|StorageFull|PytorchStreamWriter failed writing", "other_error", 0.95),
        Form(r"PytorchStreamWriter failed writing|Error writing \(tmp\) checkpoint file", hints=(("phase", "checkpoint_save"), ("task", "train"))),
        Form(r"expected scalar type|expected m1 and m2|mat1 and mat2", "other_error", 0.9),
        Form(r"(?i)segmentation fault|\bSIGSEGV\b|exit ?code:? -?(?:11|139)\b", "other_error", 0.8),
        Form(r"index out of range in self|IndexError: ", "other_error", 0.85),
        Form(r"invalid hash value|unexpected EOF, expected|HeaderTooLarge|header too large|MetadataIncomplete", "other_error", 0.85),
        Form(r"NansException", "other_error", 0.85),
        Form(r"expandable_segment_ INTERNAL ASSERT FAILED", "other_error", 0.97, "pytorch"),
        Form(r"(?m)^(?:ValueError|KeyError|TypeError|AttributeError|ImportError|ModuleNotFoundError|AssertionError|NotImplementedError|FileNotFoundError): ", "other_error", 0.4),
        Form(r"Token indices sequence length is longer", "none", 0.35),
        Form(r"Gradient overflow\. +Skipping step", "none", 0.3),
        Form(r"\{'loss': [0-9.]+|train_runtime|completed \(loss|max mem: [0-9]+|Epoch\s+gpu_mem", "none", 0.22, says=(("task", "train"),)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure by its right name."""
    yield from seen(doc, _forms())
