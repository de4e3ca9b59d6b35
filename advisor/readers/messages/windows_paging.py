r"""Windows: error 1455, the paging file (commit limit) is too small; in any language of the system.

>>> log = '''OSError: [WinError 1455] The paging file is too small for this operation to complete. Error loading "cublas64_11.dll" or one of its dependencies.'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'host_oom'), ('runtime', 'windows'), ('signal', 'paging_file'), ('phase', 'load')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = ("1455", "paging file", "页面文件", "paginaci", "auslagerungsdatei", "fichier d'échange", "подкачки")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"(?i)(?:win ?error|os error) 1455|error 1455\b|paging file is too small|页面文件太小|archivo de paginaci|Auslagerungsdatei ist zu klein|Файл подкачки", "host_oom", 0.98, "windows", says=(("signal", "paging_file"),), hints=(("phase", "load"),)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure; the message has no numbers."""
    yield from seen(doc, _forms())
