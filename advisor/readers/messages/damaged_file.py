r"""Files that are damaged or incomplete: downloads and checkpoints.

>>> log = '''RuntimeError: unexpected EOF, expected 1203411 more bytes. The file might be corrupted.'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'other_error'), ('phase', 'load'), ('runtime', 'pytorch')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = ("hash value", "unexpected eof", "header", "incomplete", "corrupt", "central directory")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"invalid hash value \(expected|unexpected EOF, expected [0-9]+ more bytes|HeaderTooLarge|header too large|MetadataIncomplete(?:Buffer)?|InvalidHeaderDeserialization|failed finding central directory|file might be corrupted", "other_error", 0.94, says=(("phase", "load"),), hints=(("runtime", "pytorch"),)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure by its right name."""
    yield from seen(doc, _forms())
