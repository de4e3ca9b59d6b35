r"""What is not device memory: RAM, the kernel's OOM killer, schedulers, shared memory, Windows' paging file.

>>> [(o.fact, o.value) for o in read(Document.of("torch.distributed.elastic: failed (exitcode: -9) local_rank: 0 (pid: 71) of binary: python"))]
[('failure_kind', 'host_oom'), ('runtime', 'linux')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import FactValue, Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = (
    "cpuallocator", "alloc_cpu", "cannot allocate memory", "unable to allocate", "killed", "exitcode", "oom", "out of memory", "out_of_me", "1455",
    "页面文件", "paginaci", "session crashed", "tcmalloc", "java", "low on memory", "memory pressure", "bus error", "shared memory", "exit code",
    "status 137", "code 137", "sigkill", "signal 9", "insufficient memory", "memoryerror", "bad_alloc", "joblib",
)  # fmt: skip


_TRAINS: tuple[tuple[str, FactValue], ...] = (("task", "train"),)
_READS: tuple[tuple[str, FactValue], ...] = (("task", "train"), ("phase", "data"))
_LOADS: tuple[tuple[str, FactValue], ...] = (("phase", "load"),)


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"DefaultCPUAllocator:\s+(?:can't allocate memory|not enough memory):\s+you tried to allocate ([0-9]+) bytes", "host_oom", 0.98, "pytorch", ("tried_to_allocate_gib",)),
        Form(r"DefaultCPUAllocator", "host_oom", 0.95, "pytorch"),
        Form(r"Unable to allocate ([0-9.]+ ?[KMGTP]iB) for an? array", "host_oom", 0.97, "numpy", ("tried_to_allocate_gib",), hints=(("phase", "data"),)),
        Form(r"_ArrayMemoryError", "host_oom", 0.9, "numpy", hints=(("phase", "data"),)),
        Form(r"(?:\(-4:Insufficient memory\)|OpenCV Error: Insufficient memory|error: \(-4\)) *\(?Failed to allocate ([0-9]+) bytes", "host_oom", 0.97, "opencv", ("tried_to_allocate_gib",)),
        Form(r"slurmstepd[^\n]{0,80}oom[-_]kill|oom[-_]kill event|OUT_OF_ME\+|task [0-9, -]+: Out Of Memory", "host_oom", 0.97, "slurm"),
        Form(r"(?i)exitcode ?: ?-9\b|Signal 9 \(SIGKILL\)|exit(?:ed with)? code -9\b|signal: killed|sigkill", "host_oom", 0.88, "linux"),
        Form(r"oom-kill:constraint|Out of memory: Kill(?:ed)? process|Killed process [0-9]+ \(", "host_oom", 0.97, "linux"),
        Form(r"(?m)(?:^|[\]|:%s)]\s*)(?:zsh: )?[Kk]illed(?:\s+(?:python|bash|sh|\./|torchrun)[^\n]*|\s*$|  )", "host_oom", 0.8, "linux"),
        Form(r"\[[0-9]+\]\s+[0-9]+ killed\s|\b[0-9]+ Killed\s+\S", "host_oom", 0.85, "linux"),
        Form(r"OOMKilled|The node was low on resource: memory", "host_oom", 0.96, "k8s"),
        Form(r"(?i)exit(?:ed)? ?(?:with )?(?:code|status)[: ]+137\b|status code 137", "host_oom", 0.85, "linux"),
        Form(r"node running low on memory|Workers \(tasks / actors\) killed due to memory pressure|RayOutOfMemoryError", "host_oom", 0.97, "ray", hints=_TRAINS),
        Form(r"(?i)(?:winerror|os error) 1455|paging file is too small|页面文件太小|archivo de paginaci", "host_oom", 0.97, "windows", hints=_LOADS),
        Form(r"session crashed after using all available RAM|session crashed\. Automatically restarting|tcmalloc: +large alloc", "host_oom", 0.85),
        Form(r"java\.lang\.OutOfMemoryError: (?:Java heap space|GC overhead|unable to create|Metaspace)", "other_error", 0.97, "jvm", hints=_TRAINS),
        Form(r"\[Errno 12\] Cannot allocate memory|std::bad_alloc\s*$", "host_oom", 0.75, "linux"),
        Form(r"DataLoader worker[^\n]{0,40}killed by signal: Killed", "host_oom", 0.9, "pytorch", hints=_READS),
        Form(r"(?i)bus\s+error|insufficient\s+shared\s+memory|out\s+of\s+shared\s+memory\.\s+Please try to raise", "shm", 0.93, "pytorch", hints=_READS),
        Form(r"joblib will operate in serial mode", "shm", 0.96, "linux"),
        Form(r"exitcode ?: ?-7\b", "shm", 0.75, "linux"),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure; the size where the allocator names one."""
    yield from seen(doc, _forms())
