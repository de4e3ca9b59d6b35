r"""Configurations as text: YAML, JSON and TOML files, Python settings and calls, printed dictionaries, namespaces and arguments.

>>> from advisor.library import load_library
>>> text = '''
... ### method
... finetuning_type: lora
... lora_rank: 8
... per_device_train_batch_size: 1   # was 4
... # gradient_checkpointing: true
... zero_optimization:
...   stage: 3
...   offload_optimizer: {device: cpu}
... '''
>>> for item in read(Document.of(text), load_library()):
...     print(item.fact, item.value)
method lora
lora_rank 8
batch_size 1
zero_stage 3
offload optimizer
task train
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from advisor.facts import Observation
from advisor.library import Library
from advisor.readers.document import Document
from advisor.readers.runs.keys import key_index, known_key
from advisor.readers.runs.program import ids, recognised
from advisor.readers.runs.scan import settings_of
from advisor.readers.runs.settings import observations
from advisor.readers.runs.shell import resolved, variables_of

TRIGGERS = (":", "=")


def read(doc: Document, library: Library) -> Iterator[Observation]:
    """The facts of everything that is written as key and value."""
    settings = [item for item in settings_of(doc, key_index(library).last_parts) if known_key(item.key, library)]
    if "$" in doc.text:
        variables = variables_of(doc)  # a configuration that a script writes
        settings = [
            replace(item, value=resolved(item.value, variables)) if "$" in item.value else item for item in settings
        ]
    yield from observations(doc, settings, ids(recognised(doc, library)), library)
