r"""Hosted notebooks: sessions that crashed for lack of RAM.

>>> log = '''Your session crashed after using all available RAM.'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'host_oom'), ('signal', 'hosted_notebook_crash'), ('signal', 'notebook')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import BYTES, Compiled, Form, compiled, seen

TRIGGERS = ("session crashed", "large alloc", "kernel died", "kernel appears to have died", "available ram")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"session crashed after using all available RAM", "host_oom", 0.96, says=(("signal", "hosted_notebook_crash"), ("signal", "notebook"))),
        Form(r"session crashed\. Automatically restarting|[Kk]ernel (?:appears to have )?died", "host_oom", 0.6, says=(("signal", "hosted_notebook_crash"), ("signal", "notebook"))),
        Form(rf"tcmalloc: +large alloc {BYTES} bytes", "host_oom", 0.65, "linux", ("tried_to_allocate_gib",)),
        Form(r"Your notebook tried to allocate more memory than is available", "host_oom", 0.96, says=(("signal", "hosted_notebook_crash"), ("signal", "notebook"))),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure; the size that tcmalloc names is host memory."""
    yield from seen(doc, _forms())
