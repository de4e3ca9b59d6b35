r"""Processes that ended with a segmentation fault.

>>> log = '''Fatal Python error: Segmentation fault'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'other_error'), ('runtime', 'linux'), ('signal', 'segmentation_fault')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = (
    "segmentation fault",
    "sigsegv",
    "segfault",
    "signal 11",
    "code 139",
    "段错误",
    "access violation",
    "exitcode",
    "0xc0000005",
)


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"(?i)segmentation fault|\bSIGSEGV\b|\bsegfault\b|signal 11\b|exit(?: ?code)?[: ]+(?:-11|139)\b|段错误|access violation|0xC0000005", "other_error", 0.86, "linux", says=(("signal", "segmentation_fault"),)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure by its right name."""
    yield from seen(doc, _forms())
