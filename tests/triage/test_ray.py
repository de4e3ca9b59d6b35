"""The Ray engine on a local cluster of several workers: killed workers and deadly texts included, nothing lost or doubled.

Skipped where ray is not installed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ray = pytest.importorskip("ray", reason="ray is not installed")

from advisor.triage.items import Item, items_of  # noqa: E402
from advisor.triage.judge import Setup  # noqa: E402
from advisor.triage.on_ray import judged_by_ray  # noqa: E402
from advisor.triage.record import Record  # noqa: E402
from tests.triage.texts import text, write  # noqa: E402

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are killed by /proc"),
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    ray.init(num_cpus=3, log_to_driver=False, include_dashboard=False, logging_level="error")
    yield ray
    ray.shutdown()


def items(texts: list[str]) -> Iterator[Item]:
    for number, each in enumerate(texts, 1):
        yield Item(number, f"k{number}", json.dumps({"id": number, "text": each}).encode())


def workers() -> list[int]:
    """Process ids of Ray's workers that have a task."""
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                title = (place / "cmdline").read_bytes()
            except OSError:
                continue
            if title.startswith(b"ray::judge_chunk"):
                found.append(int(place.name))
    return found


def test_workers_that_are_killed_lose_and_double_nothing(cluster: Any) -> None:
    texts = [text(number) for number in range(300)]
    records: list[Record] = []
    killed: set[int] = set()
    for some in judged_by_ray(items(texts), Setup(), "", 60.0, chunk=10):
        records += some
        if len(killed) < 3 and (busy := [pid for pid in workers() if pid not in killed]):
            os.kill(busy[0], signal.SIGKILL)
            killed.add(busy[0])
    assert len(killed) == 3
    assert sorted(record.n for record in records) == list(range(1, 301))
    assert not [record.error for record in records if record.error]
    kinds = [record.kind for record in records]
    assert (kinds.count("vram_oom"), kinds.count("none"), kinds.count("host_oom")) == (100, 100, 100)


def test_a_text_that_kills_every_worker_costs_only_itself(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # What Ray sends to its workers is the function as it is in this process.
    import advisor.triage.on_ray as on_ray

    inner = on_ray.judge_chunk

    def deadly(given: bytes, data: bytes, timeout: float) -> bytes:
        if b"POISON" in data:
            os.kill(os.getpid(), signal.SIGKILL)
        return inner(given, data, timeout)

    monkeypatch.setattr(on_ray, "judge_chunk", deadly)
    texts = [text(number) for number in range(24)]
    texts[7] = "POISON"
    records = [record for some in judged_by_ray(items(texts), Setup(), "", 60.0, chunk=8) for record in some]
    assert sorted(record.n for record in records) == list(range(1, 25))
    assert [record.n - 1 for record in records if record.error] == [7]
    assert next(record for record in records if record.error).id == 8


def test_a_text_that_takes_too_long_is_given_up(cluster: Any) -> None:
    texts = [text(0), *([text(1)] * 2)]
    records = [record for some in judged_by_ray(items(texts), Setup(plans=True), "", 0.001, chunk=1) for record in some]
    assert sorted(record.n for record in records) == [1, 2, 3]
    assert "took longer than 0.001 s" in {record.error for record in records}


def test_files_are_carried_to_the_workers(cluster: Any, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(text(0))
    (tmp_path / "b.log").write_bytes(b"\x7fELF\x02\x01\x01\x00")
    records = [record for some in judged_by_ray(items_of(str(tmp_path)), Setup(), "", 60.0) for record in some]
    found = {record.id: record for record in records}
    assert found["a.log"].kind == "vram_oom"
    assert found["a.log"].path
    assert "binary" in found["b.log"].error


def test_the_command_gives_the_same_results_on_ray(cluster: Any, tmp_path: Path) -> None:
    from advisor.cli import execute

    source = str(write(tmp_path / "in.jsonl", 30))
    for engine in ("ray", "processes"):
        assert execute(["triage", source, "--engine", engine, "--results", str(tmp_path / engine)]) == 0
    one, other = (sorted((tmp_path / engine).read_text().splitlines()[1:]) for engine in ("ray", "processes"))
    assert one == other
