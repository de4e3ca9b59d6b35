r"""ExLlama: a split over the cards that leaves no room for the model or its cache.

>>> log = '''RuntimeError: Insufficient VRAM in split for model and cache'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'vram_oom'), ('runtime', 'pytorch'), ('phase', 'load'), ('task', 'inference'), ('signal', 'split_given')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = ("insufficient vram", "exllama")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"Insufficient VRAM (?:in split )?for (?:the )?model and cache", "vram_oom", 0.97, "pytorch", says=(("phase", "load"), ("task", "inference"), ("signal", "split_given"))),
        Form(r"exllamav?[23]?[/\\]|--loader exllama|(?:--|\b)gpu[-_]split\b|\bexllama\b", runtime="pytorch", says=(("task", "inference"),), hints=(("framework", "exllama"),)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure; the split is on the command line."""
    yield from seen(doc, _forms())
