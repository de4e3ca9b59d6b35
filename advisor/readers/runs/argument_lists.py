"""What containers are started with: options in the lists of Compose, Kubernetes and Docker files, and servers' environment variables.

>>> from advisor.library import load_library
>>> doc = Document.of("image: vllm/vllm-openai\\ncommand:\\n  - --max-model-len\\n  - '8192'\\n")
>>> [(item.fact, item.value) for item in read(doc, load_library())]
[('max_model_len', 8192)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import re2

from advisor.facts import Observation
from advisor.library import Library
from advisor.readers.document import Document
from advisor.readers.runs.arguments import arguments_of
from advisor.readers.runs.keys import known_key, normalised
from advisor.readers.runs.program import ids, recognised
from advisor.readers.runs.settings import COMMAND_RANK, Setting, observations

TRIGGERS = ("- -", "- \"-", "- '-", "[\"-", "\"-", "command:", "args:", "ollama_", "llama_arg_",
            "max_total_tokens", "num_shard", "model_id")  # fmt: skip


@lru_cache(maxsize=4)
def _variables(names: tuple[str, ...]) -> Any:
    value = r"(\"[^\"\n]*\"|'[^'\n]*'|[^\s\\;`\"',]+)"
    return re2.compile(rf"(?m)(?:^|[\s\"'])({'|'.join(map(re2.escape, names))})[\"']?(?:=|:[ \t]+){value}")


def _names(library: Library) -> tuple[str, ...]:
    """The environment variables that programs take for settings."""
    found = {
        key
        for known in library.frameworks.values()
        for keys in known.keys.values()
        for key in keys
        if key.isupper() and "_" in key
    }
    return tuple(sorted(found))


def read(doc: Document, library: Library) -> Iterator[Observation]:
    """The facts of all lists of options and of the variables that servers read."""
    settings = [
        Setting(normalised(item.name), item.value, item.start, COMMAND_RANK, "", "command")
        for item in arguments_of(doc.text)
        if known_key(normalised(item.name), library)
    ]
    names = _names(library)
    if names and "_" in doc.text:
        settings += [
            Setting(
                normalised(match.group(1)), match.group(2).strip("\"'"), match.start(1), COMMAND_RANK - 2, "", "line"
            )
            for match in _variables(names).finditer(doc.text)
        ]
    if settings:
        yield from observations(doc, settings, ids(recognised(doc, library)), library)
