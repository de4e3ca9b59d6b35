r"""Shared memory (/dev/shm): data-loading workers that died of a bus error, semaphores that found no room, and workers that were killed.

>>> log = '''RuntimeError: DataLoader worker (pid 7421) is killed by signal: Bus error. It is possible that dataloader's workers are out of shared memory.
... Please try to raise your shared memory limit.'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'shm'), ('runtime', 'linux'), ('task', 'train'), ('phase', 'data'), ('failure_kind', 'host_oom')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import FactValue, Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = (
    "bus error",
    "shared memory",
    "torch_",
    "mmap",
    "joblib",
    "dev/shm",
    "dataloader worker",
    "pin memory thread",
    "signal: bus",
    "exitcode",
    "shm-size",
)

_READS: tuple[tuple[str, FactValue], ...] = (("task", "train"), ("phase", "data"))


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"(?i)DataLoader worker (?:\(pid\(?s?\)? [0-9, ]+\) )?(?:is killed by signal: )?Bus error|insufficient shared memory|out of shared memory\. Please|raise your shared memory limit|Unexpected bus error encountered in worker", "shm", 0.97, "linux", says=_READS),
        Form(r"(?i)\bbus error\b", "shm", 0.75, "linux"),
        Form(r"DataLoader worker (?:\(pid\(?s?\)? [0-9, ]+\) )?is killed by signal: Killed", "host_oom", 0.93, "linux", says=_READS),
        Form(r"DataLoader worker (?:\(pid\(?s?\)? [0-9, ]+\) )?(?:is killed by signal|exited unexpectedly)", "host_oom", 0.55, "linux", says=_READS),
        Form(r"No space left on device\.? +joblib will operate in serial mode", "shm", 0.985, "linux", says=(("phase", "init"),)),
        Form(r"No space left on device[\s\S]*?(?:_multiprocessing\.SemLock|ctx\.Lock\(\))|/dev/shm[^\n]{0,80}No space left|No space left[^\n]{0,40}/dev/shm", "shm", 0.985, "linux", hints=(("phase", "init"),)),
        Form(r"unable to (?:mmap|open shared memory object|write to file|allocate shared memory)\b[^\n]{0,80}(?:torch_|/dev/shm)", "shm", 0.93, "linux", says=_READS),
        Form(r"exitcode ?: ?-7\b", "shm", 0.8, "linux"),
        Form(r"(?m)^shm +\S+ +\S+ +\S+ +[0-9]+% +/dev/shm", "shm", 0.4, "linux", hints=_READS),
        Form(r"in pin memory thread for device ([0-9]{1,3})|thread for device ([0-9]{1,3})", facts=("gpu_index", "gpu_index"), says=(("phase", "data"),), hints=(("task", "train"),)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure; what its workers did tells the phase."""
    yield from seen(doc, _forms())
