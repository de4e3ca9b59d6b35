r"""cuBLAS: a handle that could not be created, mostly because nothing is left of the card, sometimes because of a bad index before.

>>> log = '''RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('runtime', 'pytorch'), ('failure_kind', 'vram_oom')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = ("cublas",)


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"CUDA error: CUBLAS_STATUS|aten/src/ATen/cuda/(?:CublasHandlePool|CUDABlas)", runtime="pytorch"),
        Form(r"CUBLAS_STATUS_ALLOC_FAILED|CUBLAS failure 3\b", "vram_oom", 0.8),
        Form(r"CUBLAS_STATUS_NOT_INITIALIZED|CUBLAS failure 1\b|[Cc]reate cublas handle failed|[Cc]ould not create cublas handle|failed to create cublas handle", "vram_oom", 0.62, hints=(("runtime", "pytorch"),)),
        Form(r"(?i)cublas (?:initiali[sz]ation|init) (?:fail|error)", "vram_oom", 0.5),
        Form(r"CUBLAS_STATUS_(?:EXECUTION_FAILED|INVALID_VALUE|NOT_SUPPORTED|ARCH_MISMATCH|INTERNAL_ERROR)", "other_error", 0.7),
        Form(r"err == CUBLAS_STATUS_SUCCESS[^\n]{0,60}Create cublas handle failed", runtime="mxnet"),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure, with the confidence that its code allows."""
    yield from seen(doc, _forms())
