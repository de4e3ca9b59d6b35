r"""MXNet: its pooled storage manager.

>>> log = '''mxnet.base.MXNetError: src/storage/./pooled_storage_manager.h:157: cudaMalloc failed: out of memory'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'vram_oom'), ('runtime', 'mxnet'), ('framework', 'mxnet')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = ("pooled_storage_manager", "gpu_device_storage", "mxnet")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"(?:pooled_storage_manager|gpu_device_storage)\.h:[0-9]+: (?:cudaMalloc|cudaMallocHost) failed: out of memory", "vram_oom", 0.97, "mxnet"),
        Form(r"(?:pooled_storage_manager|gpu_device_storage)\.h:[0-9]+: \w+ failed: unknown error", "other_error", 0.95, "mxnet", says=(("signal", "install_mismatch"),)),
        Form(r"mxnet\.base\.MXNetError|(?i)[/\\]mxnet[/\\]", runtime="mxnet"),
        Form(r"(?i)\bmxnet\b", hints=(("runtime", "mxnet"), ("framework", "mxnet"))),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure; an unknown error in the same place is none of memory."""
    yield from seen(doc, _forms())
