"""What an inference server complains of: no cache blocks, a length beyond the cache, a share that is not free, a warm-up.

>>> doc = Document.of("ValueError: No available memory for the cache blocks. Try increasing gpu_memory_utilization")
>>> [o.value for o in read(doc)]
['no_cache_blocks']
"""

from __future__ import annotations

from collections.abc import Iterator

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.situations._table import compiled, signals_of

TRIGGERS: tuple[str, ...] = (
    "vllm",
    "sglang",
    "cache",
    "utilization",
    "graph",
    "mem_fraction",
    "mem-fraction",
    "warm",
    "batch_total",
)

_PATTERNS = compiled(
    {
        # https://github.com/vllm-project/vllm: vllm/v1/core/kv_cache_utils.py, vllm/v1/worker/gpu_worker.py and their older places.
        "no_cache_blocks": r"no available memory for the cache blocks|not enough memory[^\n]{0,40}(?:kv|cache)|"
        r"loading (?:the )?model leaves no|out of memory for (?:the )?kv",
        "length_exceeds_cache": r"max(?:imum)? (?:seq(?:uence)?|model) len(?:gth)?[^\n]{0,20}\(?\d+\)? is larger than|"
        r"larger than the (?:maximum|max)[^\n]{0,50}kv cache|to serve at least one request",
        "free_below_share": r"is less than desired gpu memory utilization|free memory on device[^\n]{0,60}less than|"
        r"reduce gpu memory used by other",
        "graph_capture": r"captur\w+ (?:the )?(?:cuda ?)?graphs?|capture_model|cudagraph|cuda graph",
        "warm_up_requests": r"dummy requests|warming up (?:the )?sampler|profile_run|warmup\b|warm-up",
        "static_fraction": r"mem[-_]fraction[-_]static",
        "batch_total_tokens": r"max[-_]batch[-_](?:total|prefill)[-_]tokens",
        "kv_fraction": r"kv_cache_free_gpu_mem_fraction|free_gpu_memory_fraction|kv[_-]cache[_-](?:fraction|config)",
    }
)  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """A signal for each complaint."""
    yield from signals_of(doc, _PATTERNS)
