"""Texts that `advisor triage` judges a second, for each pair of cores, and what the time goes to.

    python benchmarks/triage_throughput.py [TEXTS]

The texts are distinct and come from templates (triage_texts.py): a third OOM logs of varied sizes, a third descriptions, a third
look-alikes and healthy logs. Measured are the workers without their start, once as a whole and once in one process by stage; then the
same texts with each of them repeated ten times, as trackers and clusters see them.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import triage_texts

from advisor import diagnosis
from advisor.engine import Engine
from advisor.triage import judge as judging
from advisor.triage.items import Item
from advisor.triage.judge import Judge, Setup
from advisor.triage.pool import judged_by_processes


def items(texts: list[str], start: int = 0) -> Iterator[Item]:
    for number, text in enumerate(texts, start + 1):
        yield Item(number, f"k{hash(text)}", json.dumps({"text": text}).encode())


def rate(texts: list[str], judge: Judge, jobs: int) -> float:
    """Texts a second; the first ones, with which workers start, do not count."""
    began, before, done = time.perf_counter(), 0, 0
    warm = len(texts) // 4
    for records in judged_by_processes(items(texts), judge._setup, jobs, 60.0, judge):
        done += len(records)
        if not before and done >= warm:
            began, before = time.perf_counter(), done
    return (done - before) / (time.perf_counter() - began)


def stages(texts: list[str], judge: Judge) -> tuple[float, Counter[str]]:
    """Milliseconds of processor time a text, in all and by stage, in this process."""
    spent: Counter[str] = Counter()

    def timed(owner: Any, name: str, stage: str) -> Callable[[], None]:
        inner = getattr(owner, name)

        def outer(*given: Any, **named: Any) -> Any:
            start = time.process_time()
            try:
                return inner(*given, **named)
            finally:
                spent[stage] += time.process_time() - start

        setattr(owner, name, outer)
        return lambda: setattr(owner, name, inner)

    undo = [
        timed(diagnosis, "read_all", "read the facts"), timed(diagnosis, "resolve", "settle conflicts"),
        timed(diagnosis, "estimate", "estimate the memory"), timed(Engine, "run", "chain the rules"),
        timed(diagnosis, "_redacted", "hide secrets"), timed(judging, "language_of_document", "tell the language"),
        timed(judging._Unplanned, "_plan", "rank the remedies"), timed(judging.Document, "of", "clean the lines"),
    ]  # fmt: skip
    start = time.process_time()
    for item in items(texts):
        judge(item)
    total = time.process_time() - start
    for each in undo:
        each()
    spent["the rest"] = total - sum(spent.values())
    return total / len(texts) * 1e3, Counter({name: seconds / len(texts) * 1e3 for name, seconds in spent.items()})


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    texts = list(triage_texts.texts(count))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    judge = Judge(Setup())
    judge.warm()
    found = rate(texts, judge, cores)
    print(
        f"{count} distinct texts, {cores} processes: {found:.0f} a second, {found / cores * 2:.0f} for a pair of cores"
    )
    found = rate([text for text in texts[: count // 4] for _ in range(10)], judge, cores)
    print(f"each text ten times: {found:.0f} a second, {found / cores * 2:.0f} for a pair of cores")
    total, spent = stages(texts[: min(600, count)], judge)
    print(f"one process: {total:.2f} ms of processor time a text, {2e3 / total:.0f} a second for a pair of idle cores")
    for name, milliseconds in spent.most_common():
        print(f"  {name:<22}{milliseconds:6.2f} ms  {milliseconds / total:4.0%}")
    planned = Judge(Setup(plans=True))
    planned.warm()
    total, _ = stages(texts[: min(120, count)], planned)
    print(f"with --plans: {total:.1f} ms of processor time a text")
    return 0


if __name__ == "__main__":
    sys.exit(main())
