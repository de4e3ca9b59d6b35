r"""Kubernetes and Docker: containers over their memory limit.

>>> log = '''    State:          Terminated
...       Reason:       OOMKilled
...       Exit Code:    137'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'host_oom'), ('runtime', 'k8s'), ('signal', 'container_limit')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = ("oomkilled", "low on resource", "exited with code 137", "exit code 137", "evicted", "137")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"OOMKilled", "host_oom", 0.96, "k8s", says=(("signal", "container_limit"),)),
        Form(r"The node was low on resource: memory", "host_oom", 0.96, "k8s"),
        Form(r"(?:container|service|\S+-[0-9]+) exited with code 137", "host_oom", 0.88, "k8s", says=(("signal", "container_limit"),)),
        Form(r"(?i)\bpods?\b[^\n]{0,80}\b(?:code|status)\b[^\n]{0,12}\b137\b", "host_oom", 0.88, "k8s", server=True),
        Form(r"exited with code 137", "host_oom", 0.86, "linux"),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure."""
    yield from seen(doc, _forms())
