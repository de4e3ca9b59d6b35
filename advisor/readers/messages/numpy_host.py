r"""numpy (and pandas, scikit-learn on it): an array that does not fit RAM.

>>> log = '''numpy.core._exceptions._ArrayMemoryError: Unable to allocate 12.5 GiB for an array with shape (100000, 16777) and data type float64'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'host_oom'), ('runtime', 'numpy'), ('phase', 'data'), ('tried_to_allocate_gib', 12.5)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = ("unable to allocate", "arraymemoryerror")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"Unable to allocate ([0-9.]+ ?[KMGTPE]iB|[0-9.]+ bytes) for an? array", "host_oom", 0.98, "numpy", ("tried_to_allocate_gib",), hints=(("phase", "data"),)),
        Form(r"_ArrayMemoryError", "host_oom", 0.93, "numpy", hints=(("phase", "data"),)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure with its size, which is host memory."""
    yield from seen(doc, _forms())
