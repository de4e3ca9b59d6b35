r"""OpenCV: host arrays that could not be allocated, and its CUDA calls.

>>> log = '''cv2.error: OpenCV(4.5.1) modules/core/src/alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate 402653184 bytes in function
... cv::OutOfMemoryError'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'host_oom'), ('runtime', 'opencv'), ('tried_to_allocate_gib', 0.375)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import BYTES, Compiled, Form, compiled, seen

TRIGGERS = ("opencv", "cv2", "cv::", "insufficient memory")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(rf"(?:\(-4:Insufficient memory\)|OpenCV Error: Insufficient memory|error: \(-4\)) ?\(?Failed to allocate {BYTES} bytes", "host_oom", 0.97, "opencv", ("tried_to_allocate_gib",)),
        Form(r"cv::OutOfMemoryError", "host_oom", 0.9, "opencv"),
        Form(r"\(-217:Gpu API call\) out of memory|\(-217\) out of memory", "vram_oom", 0.96, "opencv"),
        Form(r"cv2\.error|OpenCV Error:|OpenCV\([0-9.]+\)", runtime="opencv"),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure with its size."""
    yield from seen(doc, _forms())
