r"""CUDA: an assertion failed inside a kernel, mostly an index or a label out of range.

>>> log = '''RuntimeError: CUDA error: device-side assert triggered
... CUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be incorrect.'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'other_error'), ('signal', 'device_side_assert'), ('runtime', 'pytorch')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = ("assert",)


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"device-side assert (?:is |was )?trigger(?:ed|s)?\b|cudaErrorAssert\b|error=(?:59|710) : device-side", "other_error", 0.96, says=(("signal", "device_side_assert"),)),
        # A label that a loss doesn't know.
        Form(r"(?i)\b(?:nll_?loss|Loss(?:Forward|Backward)?\.cu|ClassNLLCriterion|cross_entropy|(?:b|binary_)?cross_?entropy|n_classes|bce_?loss|ctc_?loss)[^\n]{0,200}(?:Assertion|device-side assert)|Assertion[^\n]{0,60}n_classes", hints=(("task", "train"),)),
        Form(r"(?:aten/src/ATen/native/cuda|THCUNN|/pytorch/aten)[^\n]{0,160}Assertion ", "other_error", 0.955, "pytorch", says=(("signal", "device_side_assert"),)),
        Form(r"(?:RuntimeError|AcceleratorError)\W{1,3}CUDA error: device-side assert|/pytorch/aten/src", runtime="pytorch"),
        Form(r"!block->expandable_segment_|INTERNAL ASSERT FAILED[^\n]{0,160}CUDACachingAllocator", "other_error", 0.975, "pytorch"),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure by its right name."""
    yield from seen(doc, _forms())
