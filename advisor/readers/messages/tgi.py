r"""Text Generation Inference: a warm-up batch that does not fit.

>>> log = '''Error: Warmup(Generation("Not enough memory to handle 4096 prefill tokens. You need to decrease `--max-batch-prefill-tokens`"))'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'vram_oom'), ('runtime', 'tgi'), ('task', 'inference'), ('phase', 'init')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import FactValue, Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = (
    "not enough memory to handle",
    "text_generation_",
    "text-generation-",
    "tgi",
)

_SERVES: tuple[tuple[str, FactValue], ...] = (("task", "inference"),)
_STARTS: tuple[tuple[str, FactValue], ...] = (("task", "inference"), ("phase", "init"))


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        # https://github.com/huggingface/text-generation-inference/blob/main/server/text_generation_server/models/flash_causal_lm.py
        Form(r"Not enough memory to handle [0-9]+ (?:prefill tokens|total tokens)", "vram_oom", 0.97, "tgi", says=_STARTS, server=True),
        # https://github.com/huggingface/text-generation-inference/blob/main/router/src/infer/mod.rs
        Form(r"text_generation_router(?:_v3)?::|generate_stream:infer|Method (?:Warmup|Prefill|Decode) encountered an error", "", runtime="tgi", says=_SERVES, server=True),
        Form(r"Request failed during generation", hints=(("phase", "generate"),)),
        Form(r"\btext-generation-inference\b|\bTGI\b", hints=(("runtime", "tgi"),)),
        Form(r"text_generation_(?:server|client|launcher|router)|text-generation-(?:server|launcher)", "", runtime="tgi", says=_SERVES),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure; its numbers are counts of tokens."""
    yield from seen(doc, _forms())
