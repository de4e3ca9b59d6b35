"""What is kept of one judged text: one line of the results, one row of the table."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

SCHEMA = "advisor.triage/1"


class Record(Struct, omit_defaults=True):
    """The judgement of one text; what is not known is absent.

    Attributes:
        n: the text's place in the input, from 1.
        key: what tells the text from others when a run is resumed: a digest of it, or its path.
        path: it is a file of a folder, and `key` its path.
        id: as the input names it; the path of a file.
        kind, phase, confidence, lang: of the failure and the answer.
        facts: those that reports count by.
        causes: ids, the surest first.
        remedies: ids, the best first; at most MAX_REMEDIES.
        need_gib, low_gib, high_gib: what one card must have by the estimate, with its 90 % interval.
        capacity_gib: what the card has.
        plan, plan_fits: the smallest set of changes, and whether the run fits with it; only where plans were asked for.
        saves_gib: what the first remedy saves; only where plans were asked for.
        error: why the text could not be judged.
    """

    n: int
    key: str
    id: Any = None
    path: bool = False
    kind: str = ""
    phase: str = ""
    confidence: float = 0.0
    lang: str = ""
    facts: dict[str, Any] = {}
    causes: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()
    need_gib: float | None = None
    low_gib: float | None = None
    high_gib: float | None = None
    capacity_gib: float | None = None
    plan: tuple[str, ...] | None = None
    plan_fits: bool | None = None
    saves_gib: float | None = None
    redactions: int = 0
    error: str = ""


class Header(Struct):
    """The first line of a file of results: what it holds and how it was made."""

    schema: str
    version: str
    plans: bool


MAX_REMEDIES = 5
# Facts by which failures are counted and compared.
FACTS = (
    "runtime", "task", "model", "params_b", "gpu_name", "gpu_count", "gpu_memory_gib", "framework", "method", "precision", "quantization",
    "optimizer", "batch_size", "seq_len", "grad_accum", "zero_stage", "gradient_checkpointing", "tried_to_allocate_gib",
)  # fmt: skip

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Record).decode
decode_header = msgspec.json.Decoder(Header).decode


def line(record: Record) -> bytes:
    """The record as one line of JSON."""
    return encode(record) + b"\n"
