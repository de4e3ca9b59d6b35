r"""SGLang: a static share that leaves no room for the cache, and CUDA graphs that could not be captured.

>>> log = '''Exception: Capture CUDA graph failed: CUDA out of memory. Tried to allocate 512.00 MiB.
... Possible solutions:
... 1. set --mem-fraction-static to a smaller value (e.g., 0.8 or 0.7)'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'vram_oom'), ('runtime', 'sglang'), ('task', 'inference'), ('phase', 'init'), ('signal', 'graph_capture')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import FactValue, Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = ("gpu memory for the kv cache", "mem-fraction-static", "capture cuda graph", "sglang")

_SERVES: tuple[tuple[str, FactValue], ...] = (("task", "inference"),)
_STARTS: tuple[tuple[str, FactValue], ...] = (("task", "inference"), ("phase", "init"))


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        # https://github.com/sgl-project/sglang/blob/main/python/sglang/srt/model_executor
        Form(r"Not enough memory\. Please try (?:to increase|increasing) --mem-fraction-static", "kv_cache", 0.97, "sglang", says=_STARTS, server=True),
        Form(r"leaves? no GPU memory for the KV cache", "kv_cache", 0.97, "sglang", says=_STARTS, server=True),
        Form(r"(?i)Capture cuda graph failed: [^\n]*(?:Connection|invalid argument|No such file|\.h\b|nvcc|ninja|Error building|not supported|illegal|assert)", "other_error", 0.9, "sglang", says=(*_STARTS, ("signal", "graph_capture")), server=True),
        Form(r"(?i)Capture cuda graph failed", "vram_oom", 0.85, "sglang", says=(*_STARTS, ("signal", "graph_capture")), server=True),
        Form(r"(?:KV cache pool is full|Prefill out of memory|Decode out of memory)", "vram_oom", 0.9, "sglang", says=_SERVES, server=True),
        Form(r"sglang/srt/|sglang\.launch_server|\bsglang serve\b", "", runtime="sglang", says=_SERVES, hints=(("framework", "sglang"),)),
        Form(r"sglang/srt/[^\n]{0,160}\n(?:[^\n]*\n){0,12}?[^\n]*(?:out of memory|OutOfMemoryError)", "", runtime="sglang", server=True),
        Form(r"(?i)during (?:the )?(?:cuda )?graph capture|captur\w+ (?:the )?cuda graphs?", hints=(("phase", "init"),)),
        Form(r"(?i)\bsglang\b", hints=(("runtime", "sglang"),)),
        Form(r"sglang/\S*model_rpc\.py|ModelRpcClient", "", runtime="sglang", says=_SERVES),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure; its two messages ask for opposite directions of --mem-fraction-static."""
    yield from seen(doc, _forms())
