r"""Programs beside the run that find no RAM: compilers that build its extensions, shells that start it, Node.js, databases.

>>> log = '''cc1plus: out of memory allocating 131072 bytes after a total of 987654144 bytes'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'host_oom'), ('runtime', 'linux')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = (
    "after a total of",
    "terminated program",
    "virtual memory exhausted",
    "cannot allocate memory",
    "heap out of memory",
    "heap limit",
    "out of memory (needed",
    "out of memory (allocated",
    "out of memory allocating",
    "failed on request of size",
    "allowed memory size of",
)


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        # https://gcc.gnu.org/git/?p=gcc.git;a=blob;f=libiberty/xmalloc.c, gcc/gcc.cc
        Form(r"out of memory allocating [0-9]+ bytes after a total of", "host_oom", 0.99, "linux"),
        Form(r"Killed signal terminated program|virtual memory exhausted", "host_oom", 0.95, "linux"),
        Form(r"(?:fork|popen|vfork|clone|execve|mmap|malloc|calloc|realloc)(?:\(\))?(?: failed)?: Cannot allocate memory", "host_oom", 0.93, "linux"),
        Form(r"JavaScript heap out of memory|near heap limit Allocation failed", "host_oom", 0.98, "node"),
        # MySQL and MariaDB share/errmsg, Redis src/server.c, PHP Zend/zend_alloc.c, PostgreSQL utils/mmgr/aset.c
        Form(r"(?i)out of memory (?:\(needed [0-9]+ bytes\)|\(allocated [0-9]+\) \(tried to allocate [0-9]+ bytes\)|allocating [0-9]+ bytes!)", "host_oom", 0.95, "linux"),
        Form(r"Allowed memory size of [0-9]+ bytes exhausted", "host_oom", 0.98, "php"),
        Form(r"(?i)out of memory (?:DETAIL: )?Failed on request of size [0-9]+", "host_oom", 0.95, "linux"),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure, which is the host's."""
    yield from seen(doc, _forms())
