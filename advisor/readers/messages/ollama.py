r"""Ollama: models that need more RAM than there is, runners that died, and its key=value log.

>>> log = '''Error: model requires more system memory (12.6 GiB) than is available (7.8 GiB)'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'host_oom'), ('runtime', 'ollama'), ('task', 'inference'), ('phase', 'load')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import FactValue, Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = (
    "ollama",
    "requires more system memory",
    "llama runner",
    "model request too large",
    "source=",
    "requires more memory",
)

_SERVES: tuple[tuple[str, FactValue], ...] = (("task", "inference"),)
_LOADS: tuple[tuple[str, FactValue], ...] = (("task", "inference"), ("phase", "load"))


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        # https://github.com/ollama/ollama: llm/server.go, server/sched.go
        Form(r"requires more (?:system )?memory \(", "host_oom", 0.98, "ollama", says=_LOADS, server=True),
        Form(r"model request too large for system", "host_oom", 0.97, "ollama", says=_LOADS, server=True),
        Form(r"llama runner process (?:has terminated|no longer running)[^\n]{0,40}(?:CUDA error: out of memory|cudaMalloc failed|out of memory)", "vram_oom", 0.96, "ollama", says=_LOADS, server=True),
        Form(r"llama runner process (?:has terminated|no longer running)[^\n]{0,24}(?:signal: killed|-1 *$)", "host_oom", 0.92, "ollama", says=_LOADS, server=True),
        Form(r"llama runner process (?:has terminated|no longer running)", "other_error", 0.5, "ollama", says=_SERVES, server=True),
        Form(r"level=(?:INFO|WARN|ERROR|DEBUG) source=\w+\.go|\bollama\[[0-9]+\]:|ollama\._types\.ResponseError|\b[Oo]llama (?:run|serve)\b", "", runtime="ollama", says=_SERVES, server=True),
        Form(r"(?i)\bollama\b", hints=(("runtime", "ollama"), ("task", "inference"), ("framework", "ollama"))),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure; needs and free memory it names are those of the host."""
    yield from seen(doc, _forms())
