"""One text judged: the facts, causes and remedies that reports count, without the sentences that nobody would read."""

from __future__ import annotations

import gc
import json
import os
import stat
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct, field
from msgspec.structs import replace

from advisor.diagnosis import Case, Preferences, engine_of
from advisor.errors import AdvisorError, InputError
from advisor.facts import FactValue
from advisor.language import language_of_document
from advisor.library import Library, load_library
from advisor.names import find_gpus, find_models
from advisor.plan import Outcome, RankedRemedy, Weights, candidates_of, need_gib, peak_gib
from advisor.readers import readers
from advisor.readers.document import Document
from advisor.readers.intake import read_document
from advisor.triage import swift
from advisor.triage.items import Item
from advisor.triage.record import FACTS, MAX_REMEDIES, Record

_COLLECT = (
    50_000,
    20,
    50,
)  # records and documents are no cycles: looking for some more seldom saves a twentieth of the time
_REMEMBERED = 4096  # texts whose judgement a worker keeps, because the same log is often reported many times


class Setup(Struct, frozen=True):
    """How texts are judged; can be sent to another process.

    Attributes:
        rules, knowledge: folders of further packs.
        stated: facts that override what each text says.
        plans: search the smallest set of changes for each text, too.
    """

    rules: tuple[str, ...] = ()
    knowledge: tuple[str, ...] = ()
    stated: Mapping[str, FactValue] = field(default_factory=dict)
    plans: bool = False
    lang: Literal["auto", "en", "zh"] = "auto"


class _Unplanned(Case):
    """A case whose remedies are ranked by the rules alone: no savings, no plans."""

    def _plan(self) -> Outcome:
        weights = Weights.of(self.library.settings.get("ranking"), self.preferences.prefer)
        found = candidates_of(self.trace, self.library.remedies, self.preferences, weights)
        return Outcome(tuple(RankedRemedy(item.remedy, item.score, item.firings, item.objections) for item in found))


class Judge:
    """Judges texts, one after the other. One for each process."""

    def __init__(self, setup: Setup, library: Library | None = None) -> None:
        self._setup = setup
        self._library = library or load_library(rules=setup.rules, knowledge=setup.knowledge)
        self._known: OrderedDict[str, Record] = OrderedDict()

    def warm(self) -> None:
        """Loads all that a text can need, so that processes made from this one share it."""
        swift.install()
        readers()
        engine_of(self._library).compile()
        long = (
            "step 7 loss 2.1 of a model on a card\n" * 700
        )  # for long texts patterns are compiled, which then serve all
        find_gpus(long, self._library)
        find_models(long, self._library)
        for text in (
            "CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 24 GiB total capacity)",
            "7B qlora 4090 显存不足",
        ):
            self._case(Document.of(text))
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_COLLECT)

    def __call__(self, item: Item) -> Record:
        """The record of an item; errors of the input are in the record, never raised."""
        known = self._known.get(item.key) if item.line and not item.path else None
        if known is not None:
            self._known.move_to_end(item.key)
            return replace(known, n=item.n)
        try:
            record = self._judged(item)
        except AdvisorError as error:
            return failed(item, str(error))
        except MemoryError:
            return failed(item, "too large to be judged in this machine's memory")
        except Exception as error:  # a fault of the advisor costs one text, not the batch
            return failed(item, f"{type(error).__name__}: {error}"[:500])
        if item.line and not item.path:
            self._known[item.key] = record
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return record

    def _judged(self, item: Item) -> Record:
        if item.error:
            return failed(item, item.error)
        if item.path and not item.line:
            return self._record(item, item.key, document_of_file(item.path))
        data = _parsed(item.line)
        if isinstance(data, str):
            return failed(item, data)
        text = data.get("text")
        if not isinstance(text, str):
            return failed(item, 'expected a string under "text"')
        return self._record(item, item.key if item.path else data.get("id"), Document.of(text))

    def _case(self, document: Document) -> Case:
        case = Case if self._setup.plans else _Unplanned
        lang = self._setup.lang
        if lang == "auto":
            lang = language_of_document(document)  # of the document that is there, not of one made again from its text
        return case(document, self._library, self._setup.stated, Preferences(), lang)

    def _record(self, item: Item, name: Any, document: Document) -> Record:
        case = self._case(document)
        estimate, outcome = case.estimate, case.outcome
        plan = outcome.plans[0] if outcome.plans else None
        first = outcome.ranked[0] if outcome.ranked else None
        return Record(
            item.n,
            item.key,
            name,
            bool(item.path),
            kind=case.kind,
            phase=str(case.facts.get("phase", "")),
            confidence=round(case.confidence, 2),
            lang=case.lang,
            facts={name: _short(case.facts[name]) for name in FACTS if name in case.facts},
            causes=tuple(sorted(case.trace.causes, key=lambda cause: -case.trace.causes[cause])),
            remedies=tuple(ranked.remedy.id for ranked in outcome.ranked[:MAX_REMEDIES]),
            need_gib=None if estimate is None else round(peak_gib(estimate), 3),
            low_gib=None
            if estimate is None
            else round(estimate.low_gib + peak_gib(estimate) - estimate.allocated_gib, 3),
            high_gib=None if estimate is None else round(need_gib(estimate), 3),
            capacity_gib=None if case.capacity_gib is None else round(case.capacity_gib, 3),
            plan=tuple(step.remedy.id for step in plan.steps) if plan is not None and plan.fits else None,
            plan_fits=plan.fits if plan is not None else None,
            saves_gib=round(first.saves.expected, 3) if first is not None and first.saves is not None else None,
            redactions=case.redactions,
        )


def document_of_file(path: str) -> Document:
    """The document of a regular file. Raises InputError for anything else, and for bytes that are no text."""
    if not stat.S_ISREG(os.stat(path).st_mode):  # opening a pipe would wait for ever
        raise InputError("not a regular file")
    with open(path, "rb") as file:
        return read_document(file)


def text_of_file(path: str) -> str:
    """The text of a file, as far as it matters. Raises as `document_of_file`."""
    return "\n".join(line.raw for line in document_of_file(path).lines)


def _parsed(line: bytes) -> dict[str, Any] | str:
    """The object of a line, or what is wrong with it."""
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as error:
        return f"not JSON: {str(error)[:200]}"
    return data if isinstance(data, dict) else "not a JSON object"


def failed(item: Item, error: str) -> Record:
    """The record of an item that could not be judged."""
    if item.path:
        return Record(item.n, item.key, item.key, True, error=error)
    data = _parsed(item.line) if item.line else ""
    return Record(item.n, item.key, data.get("id") if isinstance(data, dict) else None, error=error)


def _short(value: FactValue) -> FactValue:
    return value[:100] if isinstance(value, str) else value


def judged(judge: Judge, items: Sequence[Item]) -> list[Record]:
    """The records of several items."""
    return [judge(item) for item in items]
