"""Healthy logs and configurations: no rule may find a cause or a remedy in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor.engine import Engine
from advisor.library import load_library
from advisor.plan.memory import memory_fields
from advisor.readers import read_all
from advisor.readers.document import Document
from advisor.readers.resolve import resolve

RUNS = sorted((Path(__file__).parent / "runs").iterdir())
LIBRARY = load_library()
ENGINE = Engine(LIBRARY.rules)


def test_the_corpus_is_large_enough() -> None:
    assert len(RUNS) >= 60


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.name)
def test_silence(path: Path) -> None:
    seen = resolve(read_all(Document.of(path.read_text(encoding="utf-8")), LIBRARY))
    fields = {**seen.facts, "kind": seen.failure[0], **memory_fields(seen.facts)}
    fields |= {f"signal.{name}": True for name in seen.signals}
    trace = ENGINE.run(fields)
    assert not trace.causes, f"{seen.failure}: {trace.causes}"
    assert not trace.for_remedy, f"{seen.failure}: {sorted(trace.for_remedy)}"
