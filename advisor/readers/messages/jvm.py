r"""The Java virtual machine (Spark): its own heap, which is no device memory unless RMM is named.

>>> log = '''java.lang.OutOfMemoryError: Java heap space'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'other_error'), ('runtime', 'jvm'), ('signal', 'java_heap'), ('task', 'train')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = ("java", "gc overhead")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"(?i)java\.lang\.OutOfMemoryError: ?(?:Java heap space|GC overhead limit|unable to create (?:new )?native thread|Metaspace|Requested array size|Direct buffer)", "other_error", 0.97, "jvm", says=(("signal", "java_heap"),), hints=(("task", "train"),)),
        Form(r"Java heap space|GC overhead limit exceeded", "other_error", 0.9, "jvm", says=(("signal", "java_heap"),)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure."""
    yield from seen(doc, _forms())
