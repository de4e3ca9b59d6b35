r"""Slurm: steps that the cgroup handler killed.

>>> log = '''slurmstepd: error: Detected 2 oom_kill events in StepId=48213.batch. Some of the step tasks have been OOM Killed.'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'host_oom'), ('runtime', 'slurm'), ('signal', 'container_limit')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = ("slurmstepd", "oom-kill", "oom_kill", "out_of_me", "out of memory", "srun:")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"slurmstepd[^\n]{0,120}oom[-_]kill|oom[-_]kill event|(?:^|[\s|])OUT_OF_ME(?:\+|MORY\b)|task [0-9, -]+: Out Of Memory|step tasks have been OOM Killed", "host_oom", 0.97, "slurm", says=(("signal", "container_limit"),), server=True),
        Form(r"slurmstepd: error: (?:Job|Step) \S+ exceeded (?:job |step )?memory limit|Exceeded job memory limit", "host_oom", 0.97, "slurm", says=(("signal", "container_limit"),), server=True),
        Form(r"CANCELLED AT \S+ DUE TO (?:TIME LIMIT|PREEMPTION|NODE FAILURE)", "other_error", 0.93, "slurm"),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure."""
    yield from seen(doc, _forms())
