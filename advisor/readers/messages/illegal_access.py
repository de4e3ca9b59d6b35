r"""CUDA: a kernel touched memory that is not its own; a bug, no shortage.

>>> log = '''RuntimeError: CUDA error: an illegal memory access was encountered'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'other_error'), ('signal', 'illegal_memory_access'), ('runtime', 'pytorch')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = (
    "illegal memory",
    "illegaladdress",
    "misaligned address",
    "unspecified launch",
    "error=77",
    "error=700",
    "cuda_error_",
    "illegal instruction",
    "launch timed out",
)


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"illegal memory access|cudaErrorIllegal(?:Address|Instruction)|CUDA_ERROR_(?:ILLEGAL_ADDRESS|ILLEGAL_INSTRUCTION|MISALIGNED_ADDRESS|LAUNCH_FAILED|LAUNCH_TIMEOUT|INVALID_PC|HARDWARE_STACK_ERROR)|misaligned address|illegal instruction was encountered|unspecified launch failure|the launch timed out and was terminated|THCudaCheck FAIL [^\n]*error=(?:77|700) ", "other_error", 0.96, says=(("signal", "illegal_memory_access"),)),
        Form(r"(?:RuntimeError|AcceleratorError)\W{1,3}CUDA error|THCudaCheck FAIL|cuda runtime error \(\d|/pytorch/aten/src", runtime="pytorch"),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure by its right name."""
    yield from seen(doc, _forms())
