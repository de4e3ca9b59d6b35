r"""Disks and quotas that are full: "device" means a disk here.

>>> log = '''RuntimeError: [enforce fail at inline_container.cc:471] . PytorchStreamWriter failed writing file data/12: file write failed'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'other_error'), ('runtime', 'pytorch'), ('phase', 'checkpoint_save'), ('signal', 'disk_full'), ('task', 'train')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = (
    "no space left",
    "errno 122",
    "quota",
    "storagefull",
    "error while serializing",
    "pytorchstreamwriter",
    "fd ",
    "磁盘",
    "disk space",
    "resource exhausted: /",
)


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"(?i)No space left on device|\[Errno 122\]|disk quota exceeded|StorageFull|\bquota exceeded|磁盘空间不足|磁盘已满|not enough disk space", "other_error", 0.97, says=(("signal", "disk_full"),)),
        Form(r"PytorchStreamWriter failed writing|write\(\): fd [0-9]+ failed|unexpected pos [0-9]+ vs [0-9]+", "other_error", 0.97, "pytorch", says=(("phase", "checkpoint_save"), ("signal", "disk_full")), hints=(("task", "train"),)),
        Form(r"SafetensorError: Error while serializing|Error while serializing: I/O error", says=(("phase", "checkpoint_save"),)),
        Form(r"(?:OSError|IOError): \[Errno (?:28|122)\]", hints=(("runtime", "linux"),)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure by its right name."""
    yield from seen(doc, _forms())
