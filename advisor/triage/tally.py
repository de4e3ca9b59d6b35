"""Counts over judged texts, kept as they come: memory does not grow with their number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from advisor.facts import VRAM_KINDS
from advisor.triage.record import Record

_MAX_NAMES = 10_000  # distinct names that one count keeps; what comes later is counted as `other names`
OTHER_NAMES = "other names"
# By how far a run exceeds its card: upper ends of need over capacity, the last open.
OVER_STEPS = (1.0, 1.1, 1.25, 1.5, 2.0, 4.0)
COUNTED = ("model", "gpu_name", "framework", "method", "runtime")


class Help(Struct):
    """How a remedy would have helped: of how many failures it is the first, among the first three, in the smallest set that fits, that
    set alone; and the GiB that it saves where it is the first and that is known."""

    first: int = 0
    among: int = 0
    planned: int = 0
    alone: int = 0
    saved: list[float] = field(default_factory=list)


_MAX_SAVED = 5000


class Tally:
    """Counts of records.

    Attributes:
        texts, errors: judged texts, and those that could not be.
        kinds, phases, causes, reasons: how often each occurs; `reasons` are those of errors.
        by: for each of COUNTED, failures of device memory by its values.
        cross: failures by model and card together.
        help: by remedy, over failures of device memory.
        over: by how far failures exceed their card, as OVER_STEPS has it.
        plans: failures with a plan, and those that fit with it.
    """

    def __init__(self) -> None:
        self.texts = self.errors = self.redactions = 0
        self.kinds: Counter[str] = Counter()
        self.phases: Counter[str] = Counter()
        self.causes: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.langs: Counter[str] = Counter()
        self.by: Mapping[str, Counter[str]] = {name: Counter() for name in COUNTED}
        self.cross: Counter[tuple[str, str]] = Counter()
        self.help: dict[str, Help] = {}
        self.over: list[int] = [0] * (len(OVER_STEPS) + 1)
        self.plans = [0, 0]

    @property
    def failures(self) -> int:
        """Texts that tell of a failure of device memory."""
        return sum(count for kind, count in self.kinds.items() if kind in VRAM_KINDS and kind != "question")

    def add(self, record: Record) -> None:
        """Counts one record."""
        if record.error:
            self.errors += 1
            _count(self.reasons, _reason(record.error))
            return
        self.texts += 1
        self.redactions += record.redactions
        self.kinds[record.kind] += 1
        self.langs[record.lang] += 1
        if record.kind not in VRAM_KINDS or record.kind == "question":
            return
        if record.phase:
            self.phases[record.phase] += 1
        self.causes.update(record.causes[:3])
        facts: Mapping[str, Any] = record.facts
        for name, counts in self.by.items():
            if name in facts:
                _count(counts, short_name(name, str(facts[name])))
        if "model" in facts and "gpu_name" in facts:
            pair = (short_name("model", str(facts["model"])), str(facts["gpu_name"]))
            _count(self.cross, pair, (OTHER_NAMES, OTHER_NAMES))
        self._add_help(record)
        if record.need_gib is not None and record.capacity_gib:
            ratio = record.need_gib / record.capacity_gib
            self.over[sum(ratio > step for step in OVER_STEPS)] += 1

    def _add_help(self, record: Record) -> None:
        for rank, remedy in enumerate(record.remedies[:3]):
            help_ = self.help.setdefault(remedy, Help())
            help_.among += 1
            if rank == 0:
                help_.first += 1
                if record.saves_gib is not None and len(help_.saved) < _MAX_SAVED:
                    help_.saved.append(record.saves_gib)
        if record.plan_fits is not None:
            self.plans[0] += 1
            self.plans[1] += record.plan_fits
        for remedy in record.plan or ():
            help_ = self.help.setdefault(remedy, Help())
            help_.planned += 1
            help_.alone += len(record.plan or ()) == 1


def short_name(fact: str, value: str) -> str:
    """A value as it is counted: models without their organisation and in one spelling of case.

    >>> short_name("model", "Qwen/Qwen2.5-7B-Instruct"), short_name("framework", "trl")
    ('qwen2.5-7b-instruct', 'trl')
    """
    return value.rstrip("/").rsplit("/", 1)[-1].lower() if fact == "model" else value


def _count(counts: Counter[Any], name: Any, other: Any = OTHER_NAMES) -> None:
    counts[name if name in counts or len(counts) < _MAX_NAMES else other] += 1


def _reason(error: str) -> str:
    """The error without what differs from text to text."""
    return error.split("\n")[0].split(":")[0][:80]
