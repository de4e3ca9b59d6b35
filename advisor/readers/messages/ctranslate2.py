r"""CTranslate2 (faster-whisper, WhisperX): "CUDA failed with error out of memory".

>>> log = '''RuntimeError: CUDA failed with error out of memory'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'vram_oom'), ('runtime', 'ctranslate2'), ('task', 'inference')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = ("cuda failed with error", "ctranslate2", "faster_whisper", "faster-whisper")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"(?i)CUDA failed with error out of memory", "vram_oom", 0.97, "ctranslate2", says=(("task", "inference"),)),
        Form(r"(?i)CUDA failed with error (?:unknown|CUDA driver|no kernel|invalid)", "other_error", 0.85, "ctranslate2", says=(("task", "inference"),)),
        Form(r"ctranslate2\.|ctranslate2/|(?:site|dist)-packages/faster_whisper/", runtime="ctranslate2", says=(("task", "inference"),)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure; the message has no numbers."""
    yield from seen(doc, _forms())
