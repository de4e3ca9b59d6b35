"""In whose words the person writes: of the program that ran, or of the trainer whose keys stand in a text that names only libraries."""

from __future__ import annotations

import re2

from advisor.library import Library
from advisor.plan.edit import LIBRARIES
from advisor.readers.document import Document

_TRAINER = "transformers"
_MIN_LENGTH = 12  # of a key that nobody writes by chance


def spelling_of(document: Document, framework: str, library: Library, task: str = "") -> str:
    """The framework whose keys and changes suit the text; `framework` itself where that is a program of its own, or nothing better is seen.

    A server that a training run uses beside it (`task: train` with vLLM) is not the program whose settings are asked for.

    >>> from advisor.library import load_library
    >>> spelling_of(Document.of("train.py --per-device-train-batch-size 4"), "", load_library())
    'transformers'
    """
    program = library.frameworks.get(framework)
    if task and program is not None and program.tasks and task not in program.tasks:
        framework = ""
    if framework not in LIBRARIES:
        return framework
    known = library.frameworks.get(_TRAINER)
    if known is None:
        return framework
    text = document.lower
    for spellings in known.keys.values():
        for key in spellings:
            if len(key) >= _MIN_LENGTH and "_" in key and _occurs(text, key):
                return _TRAINER
    return framework


def _occurs(text: str, key: str) -> bool:
    for spelled in (key, key.replace("_", "-")):
        if spelled in text and re2.search(rf"(?:^|[^a-z0-9_]){re2.escape(spelled)}(?:$|[^a-z0-9_])", text):
            return True
    return False
