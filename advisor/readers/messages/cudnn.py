r"""cuDNN: statuses that stand for a full card (allocation, initialisation) and those that may be anything.

>>> log = '''RuntimeError: cuDNN error: CUDNN_STATUS_ALLOC_FAILED'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('runtime', 'pytorch'), ('failure_kind', 'vram_oom')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = ("cudnn",)


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"cuDNN error: CUDNN_STATUS|torch\.backends\.cudnn", runtime="pytorch"),
        Form(r"torch/install/share/lua|luajit", runtime="torch7"),
        Form(r"CUDNN_STATUS_ALLOC_FAILED", "vram_oom", 0.8),
        Form(r"CUDNN_STATUS_NOT_INITIALIZED", "vram_oom", 0.56, hints=(("runtime", "pytorch"),)),
        Form(r"CUDNN_STATUS_(?:INTERNAL_ERROR|EXECUTION_FAILED|MAPPING_ERROR)", "other_error", 0.55),
        Form(r"CUDNN_STATUS_(?:BAD_PARAM|NOT_SUPPORTED|ARCH_MISMATCH|VERSION_MISMATCH)", "other_error", 0.8),
        Form(r"cudnnFindConvolution(?:Forward)?|Unable to find a valid cuDNN algorithm|FIND was unable to find an engine", hints=(("phase", "forward"),)),
        Form(r"Unable to find a valid cuDNN algorithm to run convolution|FIND was unable to find an engine to execute", "vram_oom", 0.7, "pytorch"),
        Form(r"cudnn\.benchmark ?= ?True", says=(("signal", "cudnn_benchmark_set"),)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure, with the confidence that its status allows."""
    yield from seen(doc, _forms())
