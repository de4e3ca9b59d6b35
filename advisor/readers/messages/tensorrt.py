r"""TensorRT and TensorRT-LLM: engines and executors that could not be created, allocations, and notes of the builder.

>>> log = '''[TRT] [E] 2: [virtualMemoryBuffer.cpp::resizePhysical::145] Error Code 2: OutOfMemory (no further information)
... [TRT] [E] Requested amount of GPU memory (3221225472 bytes) could not be allocated. There may not be enough free memory for allocation to succeed.'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'vram_oom'), ('runtime', 'tensorrt'), ('task', 'inference'), ('tried_to_allocate_gib', 3.0)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import FactValue, Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import SIZE, Compiled, Form, compiled, seen

TRIGGERS = ("tensorrt", "trt", "tactic", "virtualmemorybuffer", "executor creation failed", "could not be allocated")

_SERVES: tuple[tuple[str, FactValue], ...] = (("task", "inference"),)
_STARTS: tuple[tuple[str, FactValue], ...] = (("task", "inference"), ("phase", "init"))


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"Executor creation failed due to insufficient GPU memory", "vram_oom", 0.98, "tensorrt", says=_STARTS, server=True),
        Form(r"\[(?:TensorRT-LLM|TRT-LLM)\]\s*\[(?:ERROR|E)\][^\n]{0,240}out of memory|cudaMallocAsync\(ptr[^\n]{0,120}out of memory", "vram_oom", 0.97, "tensorrt", says=_SERVES, server=True),
        Form(r"could not be created: (?:KV cache|Model engine|Additional executor resources)", "vram_oom", 0.95, "tensorrt", says=_STARTS, server=True),
        Form(r"Total GPU memory \(GiB\): ?([0-9.]+)", facts=("gpu_capacity_gib",), unit="GiB"),
        Form(r"Free GPU memory before component creation attempt \(GiB\): ?([0-9.]+)", facts=("gpu_free_gib",), unit="GiB"),
        Form(r"Error Code 2: OutOfMemory|\bOutOfMemory \(no further information\)", "vram_oom", 0.97, "tensorrt", says=_SERVES),
        Form(r"Requested amount of GPU memory \(([0-9]+) bytes\) could not be allocated", "vram_oom", 0.97, "tensorrt", ("tried_to_allocate_gib",), _SERVES),
        Form(r"(?:insuf+icient memory|out of memory) on requested size of ([0-9]+)", "vram_oom", 0.35, "tensorrt", ("tried_to_allocate_gib",), _STARTS),
        Form(rf"Tactic Device request: ?{SIZE} Available: ?{SIZE}", "vram_oom", 0.3, "tensorrt", ("tried_to_allocate_gib", "gpu_free_gib"), _STARTS),
        Form(r"(?:Device memory is insufficient to use tactic|[Ss]kipping tactic [^\n]{0,60}insuf+icient memory)", "vram_oom", 0.35, "tensorrt", says=_STARTS),
        Form(r"Could not find any implementation for node[^\n]*", "vram_oom", 0.4, "tensorrt", says=_STARTS),
        Form(r"Allocate ([0-9]+) bytes for k/v cache", facts=("",), runtime="tensorrt", says=_SERVES),
        Form(r"\[(?:TensorRT-LLM|TRT-LLM|TRT|TensorRT)\]|nvinfer1::|(?:site|dist)-packages/tensorrt(?:_llm)?/", "", runtime="tensorrt", says=_SERVES),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure with its numbers; skipped tactics are notes that may stand alone."""
    yield from seen(doc, _forms())
