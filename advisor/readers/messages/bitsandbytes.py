r"""bitsandbytes: paged or managed memory that could not be had; the process ends without a Python traceback.

>>> log = '''Error out of memory at line 380 in file /mmfs1/gscratch/bitsandbytes/csrc/pythonInterface.c'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'vram_oom'), ('runtime', 'bitsandbytes')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = ("error out of memory at line", "bitsandbytes")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"Error out of memory at line [0-9]+ in file", "vram_oom", 0.95, "bitsandbytes"),
        Form(r"Error invalid argument at line [0-9]+ in file[^\n]*(?:ops\.cu|pythonInterface)", "other_error", 0.85, "bitsandbytes"),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure; the message has no numbers."""
    yield from seen(doc, _forms())
