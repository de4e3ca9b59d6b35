"""A triage from end to end: what is done already is left out, everything else is judged, written, counted, and shown as it goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from msgspec import Struct

from advisor.triage.items import Item
from advisor.triage.record import Record
from advisor.triage.results import Results
from advisor.triage.tally import Tally


class Engine(Protocol):
    """What judges items: the records of all of them, in no certain order, each item's exactly once."""

    def __call__(self, items: Iterator[Item], /) -> Iterator[list[Record]]: ...


class Progress(Struct):
    """Where a triage stands: texts in the results before it began, judged since, errors among all; bytes of the input handed out."""

    before: int = 0
    judged: int = 0
    errors: int = 0
    bytes_read: int = 0
    seconds: float = 0.0


def triage(
    items: Iterable[Item],
    engine: Engine,
    results: Results,
    tally: Tally,
    show: Callable[[Progress], None] | None = None,
) -> Progress:
    """Judges the items that `results` does not have yet; `tally` counts those too that it has.

    Raises:
        InputError: the input can't be read, or is not the one that the results are of.
    """
    progress = Progress()
    began = time.monotonic()

    def seen(record: Record) -> None:
        tally.add(record)
        progress.before += 1

    results.open(seen)
    progress.errors = tally.errors

    def left() -> Iterator[Item]:
        for item in items:
            progress.bytes_read += len(item.line)
            if not results.has(item):
                yield item

    for records in engine(left()):
        results.add(records)
        for record in records:
            tally.add(record)
        progress.judged += len(records)
        progress.errors = tally.errors
        progress.seconds = time.monotonic() - began
        if show is not None:
            show(progress)
    progress.seconds = time.monotonic() - began
    return progress
