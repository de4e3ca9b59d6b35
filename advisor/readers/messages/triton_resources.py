r"""Triton, ptxas and launches: a kernel that asks for more on-chip memory, threads or registers than the card has.

>>> log = '''triton.runtime.errors.OutOfResources: out of resource: shared memory, Required: 147456, Hardware limit: 101376. Reducing block sizes or
... `num_stages` may help.'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'kernel_resources'), ('runtime', 'triton'), ('signal', 'on_chip_memory'), ('task', 'inference')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = ("out of resource", "outofresources", "ptxas", "too many resources", "too much shared data")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        # https://github.com/triton-lang/triton/blob/main/python/triton/runtime/errors.py; in 2021 it printed no separators.
        Form(r"out of resources?: (?:shared memory|threads|registers|tensor memory)", "kernel_resources", 0.98, "triton", says=(("signal", "on_chip_memory"),), hints=(("task", "inference"),)),
        Form(r"triton\.\S*OutOfResources|\bOutOfResources:", "kernel_resources", 0.96, "triton", says=(("signal", "on_chip_memory"),)),
        Form(r"ptxas (?:error|fatal)[^\n]{0,160}(?:shared data|shared memory|registers)|uses too much shared data", "kernel_resources", 0.96, "triton", says=(("signal", "on_chip_memory"),)),
        Form(r"too many resources requested for launch|cudaErrorLaunchOutOfResources", "kernel_resources", 0.95, says=(("signal", "on_chip_memory"),)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure; its bytes are those of one multiprocessor."""
    yield from seen(doc, _forms())
