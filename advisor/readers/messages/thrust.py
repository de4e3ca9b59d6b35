r"""Thrust and XGBoost: C++ exceptions of GPU algorithms that found no memory.

>>> log = '''terminate called after throwing an instance of 'thrust::system::system_error'
...   what():  parallel_for failed: out of memory'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'vram_oom'), ('runtime', 'xgboost'), ('task', 'train')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

# XGBoost printed bytes, and since 3.0 sizes with a unit.
_EITHER = r"([0-9][0-9.,]*(?:\s?[KMGT]i?B\b)?)"
TRIGGERS = ("thrust", "parallel_for failed", "std::bad_alloc", "xgboost")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"parallel_for failed: (?:cudaErrorMemoryAllocation: )?out of memory|thrust::system::\w+[\s\S]{0,120}out of memory", "vram_oom", 0.95, hints=(("runtime", "xgboost"), ("task", "train"))),
        Form(r"std::bad_alloc: (?:out of memory|cudaErrorMemoryAllocation)", "vram_oom", 0.93),
        Form(r"Memory allocation error on worker ([0-9]{1,3}): std::bad_alloc", "vram_oom", 0.95, "xgboost", hints=(("task", "train"),)),
        Form(rf"- Free memory: {_EITHER}", facts=("gpu_free_gib",)),
        Form(rf"- Requested memory: {_EITHER}", facts=("tried_to_allocate_gib",)),
        Form(r"(?:site|dist)-packages/xgboost/|xgboost\.core\.XGBoostError|xgboost/src|/workspace/src/common/device_helpers", runtime="xgboost", hints=(("task", "train"), ("framework", "xgboost"))),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure with its numbers."""
    yield from seen(doc, _forms())
