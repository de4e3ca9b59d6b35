r"""PyTorch: tensors whose types or shapes do not go together.

>>> log = '''RuntimeError: expected scalar type Half but found Float'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'other_error'), ('runtime', 'pytorch')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = (
    "scalar type",
    "expected m1",
    "mat1 and mat2",
    "size mismatch",
    "same dtype",
    "not implemented for",
    "on the same device",
    "two devices",
    "must match the size",
    "invalid for input of size",
    "shape mismatch",
    "invalid shape",
    "sizes of tensors",
    "invalid argument 0",
    "of the mask",
    "loading state_dict",
    "expanded size",
)


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"expected scalar type \w+ but found|expected m1 and m2 to have the same dtype|mat1 and mat2 (?:must have the same dtype|shapes cannot be multiplied)|Input type \([^)\n]*\) and (?:weight|bias) type|not implemented for '\w+'", "other_error", 0.93, "pytorch"),
        Form(r"[Ee]xpected all tensors to be on the same device|found at least two devices|[Ii]nput type \([\w.]+\) and weight type|The size of tensor \w+ \([0-9]+\) must match the size|shape '\[[^\]\n]*\]' is invalid for input of size", "other_error", 0.93, "pytorch"),
        Form(r"shape mismatch: value tensor of shape|Input tensor at index [0-9]+ has invalid shape|Sizes of tensors must match except|size mismatch, m1: \[|The shape of the mask \[|The expanded size of the tensor \([0-9]+\) must match|shape mismatch: indexing tensors", "other_error", 0.93, "pytorch"),
        Form(r"Error\(s\) in loading state_dict for", "other_error", 0.9, "pytorch", says=(("phase", "load"),)),
        Form(r"size mismatch for [\w.]+: copying a param", "other_error", 0.93, "pytorch", says=(("phase", "load"),)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure by its right name."""
    yield from seen(doc, _forms())
