"""Several processes: every text has exactly one record, whatever becomes of the process that judges it."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator

import pytest

from advisor.triage.items import Item
from advisor.triage.judge import Judge, Setup
from advisor.triage.pool import judged_by_processes
from advisor.triage.record import Record
from tests.triage.texts import text

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="workers are made by fork only on Linux"),
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),  # pytest-xdist has threads, the command has none
]


class Deadly(Judge):
    """A judge that dies of some texts and hangs on others."""

    def __call__(self, item: Item) -> Record:
        if b"POISON" in item.line:
            os.kill(os.getpid(), signal.SIGKILL)
        if b"EXIT" in item.line:
            os._exit(3)
        if b"HANG" in item.line:
            time.sleep(1000)
        if b"FAULT" in item.line:
            raise_fault()
        return super().__call__(item)


def raise_fault() -> None:
    raise SystemExit("a worker that leaves by itself")


def items(texts: list[str]) -> Iterator[Item]:
    for number, each in enumerate(texts, 1):
        yield Item(number, f"k{number}", json.dumps({"id": number, "text": each}).encode())


@pytest.fixture(scope="module")
def deadly() -> Deadly:
    judge = Deadly(Setup())
    judge.warm()
    return judge


def run(texts: list[str], judge: Judge, jobs: int = 2, timeout: float = 60.0) -> list[Record]:
    records = [record for some in judged_by_processes(items(texts), Setup(), jobs, timeout, judge) for record in some]
    assert sorted(record.n for record in records) == list(range(1, len(texts) + 1))
    return sorted(records, key=lambda record: record.n)


def test_texts_that_kill_their_worker_cost_only_themselves(deadly: Deadly) -> None:
    texts = [text(number) for number in range(90)]
    for place in (0, 17, 18, 60, 89):
        texts[place] = "POISON " + texts[place]
    texts[40] = "EXIT"
    texts[41] = "FAULT"
    records = run(texts, deadly)
    failed = {record.n - 1: record.error for record in records if record.error}
    assert set(failed) == {0, 17, 18, 60, 89, 40, 41}
    assert set(failed.values()) == {"the process that judged it died"}
    assert {record.id for record in records} == set(range(1, 91))
    assert [record.kind for record in records[1:4]] == ["none", "host_oom", "vram_oom"]


def test_a_text_that_takes_too_long_costs_only_itself(deadly: Deadly) -> None:
    texts = ["HANG", *(text(number) for number in range(12))]
    records = run(texts, deadly, timeout=2.0)
    assert [record.n - 1 for record in records if record.error] == [0]
    assert records[0].error == "took longer than 2 s"


def test_workers_killed_from_outside_are_replaced_and_nothing_is_lost(deadly: Deadly) -> None:
    import multiprocessing

    texts = [text(number) for number in range(400)]
    records: list[Record] = []
    for round_, some in enumerate(judged_by_processes(items(texts), Setup(), 2, 60.0, deadly)):
        records += some
        if round_ in (1, 3, 5):
            victim = multiprocessing.active_children()[0]
            assert victim.pid is not None
            os.kill(victim.pid, signal.SIGKILL)
    assert sorted(record.n for record in records) == list(range(1, 401))
    assert sum(bool(record.error) for record in records) <= 3, (
        "only a text that was alone with a killed worker may fail"
    )


def test_more_workers_than_texts_and_none_at_all(deadly: Deadly) -> None:
    assert len(run([text(0)], deadly, jobs=4)) == 1
    assert run([], deadly) == []


def test_the_judgement_is_that_of_a_diagnosis() -> None:
    from advisor.diagnosis import diagnose

    plain, planned = Judge(Setup()), Judge(Setup(plans=True))
    for number in range(6):
        whole = diagnose(text(number))
        item = Item(1, f"k{number}", json.dumps({"text": text(number)}).encode())
        for judge in (plain, planned):
            record = judge(item)
            assert (record.kind, record.phase, record.lang) == (whole.failure.kind, whole.failure.phase, whole.lang)
            assert {name: whole.facts[name] for name in record.facts} == record.facts
            assert list(record.causes)[: len(whole.causes)] == [cause.id for cause in whole.causes]
            if whole.estimate is not None:
                assert record.need_gib == pytest.approx(whole.estimate.need_gib, abs=1e-3)
                assert record.high_gib == pytest.approx(whole.estimate.need_high_gib, abs=1e-3)
                assert record.low_gib == pytest.approx(whole.estimate.need_low_gib, abs=1e-3)
        assert list(record.remedies) == [remedy.id for remedy in whole.remedies][:5]
        assert (record.plan or ()) == (whole.plan.steps if whole.plan is not None and whole.plan.fits else ())


def test_secrets_are_in_no_record() -> None:
    secret = "hf_" + "aBcD" * 8 + "12"
    record = Judge(Setup())(
        Item(1, "k", json.dumps({"text": f"HF_TOKEN={secret} python train.py\n{text(0)}"}).encode())
    )
    assert record.redactions >= 1
    assert secret not in repr(record)


def test_the_same_text_is_judged_once_and_answered_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = Judge(Setup())
    made: list[str] = []
    inner = Judge._record
    monkeypatch.setattr(Judge, "_record", lambda self, *given: made.append("x") or inner(self, *given))
    line = json.dumps({"id": "a", "text": text(0)}).encode()
    first, second = judge(Item(1, "same", line)), judge(Item(9, "same", line))
    assert len(made) == 1
    assert (first.n, second.n, first.kind) == (1, 9, second.kind)
