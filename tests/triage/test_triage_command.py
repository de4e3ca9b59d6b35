"""`advisor triage` from end to end: inputs of all sorts, reports, a kill in the middle and a resume."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.running import Screen
from tests.triage.texts import results, text, write

ADVISOR = [sys.executable, "-m", "advisor", "triage"]


def triage(*arguments: str | Path, data: bytes = b"") -> subprocess.CompletedProcess[str]:
    done = subprocess.run([*ADVISOR, *map(str, arguments)], input=data, capture_output=True, timeout=240, check=False)
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def test_errors_are_counted_exactly_and_the_rest_is_judged(tmp_path: Path) -> None:
    good = [json.dumps({"id": i, "text": text(i)}) for i in range(7)]
    bad = ["{not json", json.dumps({"id": "x", "text": 7}), json.dumps(["y"]), "[" * 5000, ""]
    source = tmp_path / "in.jsonl"
    source.write_text("\n".join([*good[:3], *bad, *good[3:]]) + "\n")
    done = triage(source, "--results", tmp_path / "r.jsonl", "--jobs", "2")
    assert done.returncode == 1
    assert "11 texts: 11 judged" in done.stderr
    assert "4 errors" in done.stderr
    found = {record["n"]: record for record in results(tmp_path / "r.jsonl")}
    assert len(found) == 11
    assert {n for n, record in found.items() if "error" in record} == {4, 5, 6, 7}
    assert found[5]["id"] == "x"
    assert [found[n]["id"] for n in (1, 2, 3, 9, 10, 11, 12)] == list(range(7))
    assert "failures of GPU memory: **3 (42.9% of all)**" in done.stdout


def test_a_folder_is_read_file_by_file(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    (logs / "node1").mkdir(parents=True)
    (logs / "node1" / "a.log").write_text(text(0))
    (logs / "b.txt").write_text(text(1))
    (logs / "empty.log").write_text("\n")
    (logs / "model.safetensors").write_bytes(b"\0" * 100)
    (logs / "core").write_bytes(b"\x7fELF\x02\x01\x01\x00\x00\x00")
    os.mkfifo(logs / "pipe.log")
    done = triage(logs, "--results", tmp_path / "r.jsonl", "--jobs", "1")
    found = {record["id"]: record for record in results(tmp_path / "r.jsonl")}
    assert set(found) == {"node1/a.log", "b.txt", "empty.log", "core", "pipe.log"}
    assert found["node1/a.log"]["kind"] == "vram_oom"
    assert "empty" in str(found["empty.log"]["error"])
    assert "binary" in str(found["core"]["error"])
    assert found["pipe.log"]["error"] == "not a regular file"
    assert done.returncode == 1
    (logs / "a-new.log").write_text(text(2))
    again = triage(logs, "--results", tmp_path / "r.jsonl", "--resume")
    assert "6 texts: 1 judged" in again.stderr
    assert "5 were there" in again.stderr
    assert len(results(tmp_path / "r.jsonl")) == 6


def test_standard_input_and_output(tmp_path: Path) -> None:
    done = triage("-", "--results", "-", data=write(tmp_path / "in.jsonl", 6).read_bytes())
    assert done.returncode == 0
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted(record["n"] for record in records) == [1, 2, 3, 4, 5, 6]


def test_killed_in_the_middle_and_resumed_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    count = 600
    source, target = write(tmp_path / "in.jsonl", count), tmp_path / "r.jsonl"
    arguments = [*ADVISOR, str(source), "--results", str(target), "--jobs", "2"]
    for limit in (40, 150):
        running = subprocess.Popen([*arguments, "--resume"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 120
        while (not target.exists() or target.read_bytes().count(b"\n") < limit) and running.poll() is None:
            assert time.monotonic() < end
            time.sleep(0.01)
        running.send_signal(signal.SIGKILL)
        running.wait()
    assert target.read_bytes().count(b"\n") < count
    with target.open("ab") as out:
        out.write(b'{"n":599,"key":"half a li')  # what a kill in the middle of a write leaves
    done = triage(source, "--results", target, "--resume", "--report", tmp_path / "r.md")
    assert done.returncode == 0, done.stderr
    found = results(target)
    assert sorted(int(str(record["n"])) for record in found) == list(range(1, count + 1))
    kinds = [record["kind"] for record in found]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {"vram_oom": 200, "none": 200, "host_oom": 200}
    assert f"in {count} texts" in (tmp_path / "r.md").read_text()
    idle = triage(source, "--results", target, "--resume")
    assert "600 texts: 0 judged, 600 were there" in idle.stderr


def test_an_interrupt_stops_cleanly_and_says_how_to_go_on(tmp_path: Path) -> None:
    source, target = write(tmp_path / "in.jsonl", 3000), tmp_path / "r.jsonl"
    running = subprocess.Popen(
        [*ADVISOR, str(source), "--results", str(target)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    end = time.monotonic() + 120
    while not target.exists() or target.read_bytes().count(b"\n") < 20:
        assert time.monotonic() < end
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert b"go on with --resume" in err
    assert b"Traceback" not in err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("other", "line 2 of the input is not the one"),
        ("plans", "was made without --plans"),
        ("foreign", "is no file of results"),
        ("fresh", "holds results already"),
    ],
)
def test_results_are_not_mixed_with_others(tmp_path: Path, change: str, said: str) -> None:
    source, target = write(tmp_path / "in.jsonl", 4), tmp_path / "r.jsonl"
    triage(source, "--results", target, "--jobs", "1")
    options = ["--resume"] if change != "fresh" else []
    if change == "other":
        lines = source.read_text().splitlines()
        source.write_text("\n".join([lines[0], lines[2], *lines[2:]]) + "\n")
    if change == "plans":
        options.append("--plans")
    if change == "foreign":
        target.write_text("something else\n")
    before = target.read_text()
    done = triage(source, "--results", target, *options)
    assert done.returncode == 2
    assert said in done.stderr
    assert target.read_text() == before


def test_two_runs_do_not_write_to_one_file(tmp_path: Path) -> None:
    source, target = write(tmp_path / "in.jsonl", 2000), tmp_path / "r.jsonl"
    running = subprocess.Popen(
        [*ADVISOR, str(source), "--results", str(target)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while not target.exists() or not target.stat().st_size:
        time.sleep(0.02)
    done = triage(source, "--results", target, "--resume")
    running.kill()
    running.wait()
    assert done.returncode == 2
    assert "another run writes to it" in done.stderr


def test_reports_show_foreign_text_and_run_none_of_it(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    hostile = "<script>alert(1)<img onerror=x>|@all[x](y)"
    with source.open("w") as out:
        for number in range(3):
            line = f"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate {number}.5 GiB by evil/{hostile}"
            out.write(json.dumps({"id": number, "text": line}) + "\n")
    page, markdown = tmp_path / "r.html", tmp_path / "r.md"
    done = triage(source, "--report", page, "--report", markdown, "--set", f"model={hostile}", "--lang", "en")
    assert done.returncode == 0, done.stderr
    html = page.read_text()
    assert "&lt;script&gt;" in html
    assert "<script" not in html
    assert not re.search(r"(?:src|href)\s*=|url\(|@import", html)
    assert html.count("<svg") >= 2
    cmark = pytest.importorskip("cmarkgfm")
    rendered = cmark.github_flavored_markdown_to_html(markdown.read_text())
    assert "<script" not in rendered
    assert "<a " not in rendered


def test_the_report_speaks_chinese(tmp_path: Path) -> None:
    done = triage(write(tmp_path / "in.jsonl", 6), "--lang", "zh")
    assert "最有帮助的改动" in done.stdout
    assert "显存不足" in done.stdout


def test_plans_tell_what_would_have_fitted(tmp_path: Path) -> None:
    done = triage(write(tmp_path / "in.jsonl", 3), "--plans", "--results", tmp_path / "r.jsonl")
    (record,) = (record for record in results(tmp_path / "r.jsonl") if record["kind"] == "vram_oom")
    assert record["plan_fits"] is True
    assert record["plan"]
    assert "in the plan" in done.stdout
    assert "1 of them fit their card" in done.stdout


def test_the_table_has_every_record(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    source = write(tmp_path / "in.jsonl", 9)
    with source.open("a") as out:
        out.write("broken\n")
    triage(source, "--results", tmp_path / "r.jsonl", "--parquet", tmp_path / "r.parquet")
    rows = {row["n"]: row for row in parquet.read_table(tmp_path / "r.parquet").to_pylist()}
    assert set(rows) == set(range(1, 11))
    assert rows[1]["kind"] == "vram_oom"
    assert rows[1]["model"] == "Qwen/Qwen2.5-7B"
    assert rows[1]["batch_size"] == 1
    assert rows[1]["remedies"]
    assert rows[10]["error"].startswith("not JSON")
    alone = triage(source, "--parquet", tmp_path / "alone.parquet")
    assert alone.returncode == 1
    assert parquet.read_table(tmp_path / "alone.parquet").num_rows == 10
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Say what to triage"),
        (["/no/such/place"], "no such file or folder"),
        (["-", "--resume"], "--resume needs the file"),
        (["-", "--report", "/no/such/folder/r.md"], "can't be written"),
        (["-", "--results", "/no/such/folder/r.jsonl"], "No such file"),
        (["-", "--batch-size", "many"], "--batch-size"),
    ],
)
def test_bad_options_are_refused(arguments: list[str], said: str) -> None:
    done = triage(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_without_any_text_the_report_says_so() -> None:
    done = triage("-")
    assert done.returncode == 0
    assert "None of the texts tells of a failure" in done.stdout


def test_a_terminal_shows_progress_and_a_pipe_does_not(tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", 12)
    screen = Screen("triage", str(source), "--report", str(tmp_path / "r.md"))
    assert screen.status() == 0
    assert b"12 texts, 0 errors" in screen.text
    done = triage(source, "--report", tmp_path / "r.md")
    assert done.stderr.startswith("advisor: 12 texts: 12 judged")
