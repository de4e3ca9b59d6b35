r"""Signs of health: progress and loss lines whose memory numbers are no failure.

>>> log = '''{'loss': 1.2345, 'grad_norm': 0.91, 'learning_rate': 2e-05, 'epoch': 0.12}'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'none'), ('task', 'train')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = ("loss", "epoch", "max mem", "mem_usage", "gpu_mem", "train_runtime", "vram cleared", "cuda ooms", "memory ")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"\{'loss': ['\"]?[0-9.]+|'train_runtime'|completed \(loss|[Ss]tep [0-9]+\W{1,3}\|? ?loss ?[:=] ?[0-9.]+|\bloss[:=] ?[0-9.]+ ", "none", 0.22, hints=(("task", "train"),)),
        Form(r"max[ _]mem: ?[0-9]+|mem_usage:cuda(?::[0-9]+)? [0-9.]+ ?GB|Epoch +gpu_mem|max_mem: [0-9]+M", "none", 0.22, hints=(("task", "train"), ("runtime", "pytorch"))),
        Form(r"VRAM cleared|per-step time", "none", 0.2),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """No failure, with a confidence below that of any."""
    yield from seen(doc, _forms())
