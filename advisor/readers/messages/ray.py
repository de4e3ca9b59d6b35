r"""Ray: workers that its memory monitor killed; its OutOfMemoryError is about the node's RAM.

>>> log = '''ray.exceptions.OutOfMemoryError: Task was killed due to the node running low on memory.
... Memory on the node (IP: 10.0.0.4, ID: 5f0c) where the task was running was 60.80GB / 64.00GB (0.95), which exceeds the memory usage threshold.'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'host_oom'), ('runtime', 'ray'), ('task', 'train'), ('host_ram_gib', 64.0)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import SIZE, Compiled, Form, compiled, seen

TRIGGERS = (
    "running low on memory",
    "memory pressure",
    "rayoutofmemoryerror",
    "ray.exceptions",
    "memory on the node",
    "raylet",
    "ray.tune",
    "ray/tune",
)


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        # https://docs.ray.io/en/latest/ray-core/scheduling/ray-oom-prevention.html
        Form(r"node running low on memory|[Ww]orkers? \(tasks / actors\) killed due to memory pressure|RayOutOfMemoryError|ray\.exceptions\.OutOfMemoryError", "host_oom", 0.98, "ray", hints=(("task", "train"),), server=True),
        Form(rf"where the (?:task|lease)[^\n]{{0,200}} was running was [0-9.]+ ?GB / {SIZE}", facts=("host_ram_gib",)),
        Form(r"memory on node \S+ is used \([0-9.]+ / ([0-9.]+) GB\)", facts=("host_ram_gib",), unit="GB"),
        Form(r"ray[/.]tune\b|ray[/.]train\b|\brllib\b", hints=(("task", "train"),)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure, with the RAM of the node."""
    yield from seen(doc, _forms())
