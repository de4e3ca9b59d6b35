"""`advisor watch-log`: growing, late, rotated and truncated logs; one diagnosis a failure; bounded memory; a clean end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from advisor.library import load_library
from advisor.running.answer import Answering
from advisor.running.burst import APART_BYTES, HEAD_BYTES, RECENT_BYTES, Log
from advisor.running.follow import PIECE_BYTES, Followed
from advisor.running.watch import QUIET_SECONDS, TOGETHER_SECONDS, Watch
from tests.cli.running import ADVISOR, OOM, eventually

CONFIG = "python train.py --model_name_or_path Qwen/Qwen2.5-7B --per_device_train_batch_size {batch} --bf16 True\n"
STEP = "{{'loss': 2.1, 'epoch': {i}}}\n"
MESSAGE = OOM.format(gpu=0)


class Watched:
    """Logs in a folder, watched by a clock that the test moves."""

    def __init__(self, folder: Path, *patterns: str, only_new: bool = False) -> None:
        self.folder, self.now = folder, 0.0
        self.notes: list[str] = []
        self.target = folder / "answers"
        answering = Answering(load_library(), "json", output=str(self.target), append=True)
        names = [str(folder / pattern) for pattern in patterns]
        self.watch = Watch(names, answering, self.notes.append, only_new=only_new, clock=lambda: self.now)

    def after(self, seconds: float = 0.1) -> None:
        self.now += seconds
        while self.watch.look():
            pass

    def settle(self) -> None:
        self.after()
        self.after(QUIET_SECONDS + 0.1)

    def answers(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.target.read_text().splitlines()] if self.target.exists() else []

    def add(self, name: str, text: str) -> None:
        with (self.folder / name).open("a") as out:
            out.write(text)


@pytest.fixture
def close() -> Iterator[list[Watched]]:
    made: list[Watched] = []
    yield made
    for each in made:
        each.watch.close()


def test_a_failure_is_told_once_it_is_complete(tmp_path: Path, close: list[Watched]) -> None:
    watched = Watched(tmp_path, "train.log")
    close.append(watched)
    watched.after()
    assert "waiting for" in watched.notes[0]
    watched.add("train.log", CONFIG.format(batch=4) + STEP.format(i=1))
    watched.settle()
    watched.add("train.log", MESSAGE[:150])
    watched.after()
    watched.add("train.log", MESSAGE[150:])
    watched.after(0.5)
    assert watched.answers() == []
    watched.after(QUIET_SECONDS + 0.1)
    (answer,) = watched.answers()
    assert answer["failure"]["kind"] == "vram_oom"
    assert answer["facts"]["batch_size"] == 4
    assert (answer["file"], answer["line"]) == (str(tmp_path / "train.log"), 6)
    watched.settle()
    assert len(watched.answers()) == 1


def test_the_next_run_in_the_same_log_is_another_failure(tmp_path: Path, close: list[Watched]) -> None:
    watched = Watched(tmp_path, "train.log")
    close.append(watched)
    for batch in (8, 4):
        watched.add(
            "train.log", CONFIG.format(batch=batch) + STEP.format(i=1) * 3 + MESSAGE.replace("2.00", f"{batch}.00")
        )
        watched.settle()
    watched.add("train.log", CONFIG.format(batch=2) + "Training finished.\n")
    watched.settle()
    answers = watched.answers()
    assert [answer["facts"]["batch_size"] for answer in answers] == [8, 4]
    assert [answer["facts"]["tried_to_allocate_gib"] for answer in answers] == [8.0, 4.0]


def test_failures_that_are_in_a_log_already_are_told_apart_or_passed_over(tmp_path: Path, close: list[Watched]) -> None:
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        text = "".join(CONFIG.format(batch=batch) + STEP.format(i=1) * 3000 + MESSAGE for batch in (8, 4))
        (folder / "train.log").write_text(text)
        watched = Watched(folder, "train.log", only_new=name == "b")
        close.append(watched)
        watched.settle()
        assert [answer["facts"]["batch_size"] for answer in watched.answers()] == ([8, 4] if name == "a" else [])
        watched.add("train.log", MESSAGE)
        watched.settle()
        last = watched.answers()[-1]
        assert len(watched.answers()) == (3 if name == "a" else 1)
        assert last["facts"]["batch_size"] == 4, "it is of the run that printed its settings last"
        assert last["line"] == text.count("\n") + 4


def test_ranks_that_fail_alike_are_one_failure_told_by_the_one_that_knows_most(
    tmp_path: Path, close: list[Watched]
) -> None:
    watched = Watched(tmp_path, "rank*.log")
    close.append(watched)
    watched.after()
    for rank in range(4):
        watched.add(f"rank{rank}.log", CONFIG.format(batch=6) if rank == 2 else "starting\n")
    watched.after(5)
    for rank in range(4):
        watched.add(f"rank{rank}.log", OOM.format(gpu=rank).replace("2.00", f"2.{rank}0"))
        watched.after(0.2)
    watched.settle()
    (answer,) = watched.answers()
    assert answer["facts"]["batch_size"] == 6
    assert len([note for note in watched.notes if "same failure" in note]) == 3
    watched.after(TOGETHER_SECONDS * 2)
    watched.add("rank1.log", MESSAGE)
    watched.settle()
    assert len(watched.answers()) == 2


def test_a_rotated_log_is_read_to_its_end_and_the_new_one_from_its_beginning(
    tmp_path: Path, close: list[Watched]
) -> None:
    watched = Watched(tmp_path, "train.log")
    close.append(watched)
    watched.add("train.log", CONFIG.format(batch=8) + STEP.format(i=1))
    watched.after()
    watched.add("train.log", MESSAGE)
    (tmp_path / "train.log").rename(tmp_path / "train.log.1")
    watched.add("train.log", CONFIG.format(batch=2) + MESSAGE)
    watched.settle()
    assert [answer["facts"]["batch_size"] for answer in watched.answers()] == [8, 2]
    assert watched.answers()[1]["line"] == 5
    assert any("was replaced" in note for note in watched.notes)


def test_a_truncated_log_is_read_from_its_beginning(tmp_path: Path, close: list[Watched]) -> None:
    watched = Watched(tmp_path, "train.log")
    close.append(watched)
    watched.add("train.log", STEP.format(i=1) * 1000)
    watched.after()
    (tmp_path / "train.log").write_text(CONFIG.format(batch=2) + MESSAGE)
    watched.settle()
    (answer,) = watched.answers()
    assert answer["facts"]["batch_size"] == 2
    assert any("cut short" in note for note in watched.notes)


def test_other_errors_and_healthy_logs_are_passed_over_in_silence(tmp_path: Path, close: list[Watched]) -> None:
    watched = Watched(tmp_path, "train.log")
    close.append(watched)
    watched.add("train.log", "ValueError: shapes\n3.2 GB of memory in use\nTraining finished.\n")
    watched.settle()
    assert watched.answers() == []
    watched.add("train.log", MESSAGE)
    watched.settle()
    assert len(watched.answers()) == 1


def test_memory_is_bounded_and_lines_keep_their_numbers() -> None:
    log = Log()
    step = b"{'loss': 2.1, 'grad_norm': 1.17}\n" * 100
    count = 0
    log.feed(CONFIG.format(batch=4).encode())
    for _ in range(3000):
        assert not log.feed(step)
        count += 100
        assert len(log._recent) + len(log._head) <= HEAD_BYTES + RECENT_BYTES + PIECE_BYTES
    log.feed(MESSAGE.encode())
    assert log.pending
    ready = False
    for _ in range(APART_BYTES // len(step) + 1):
        ready = ready or log.feed(step)
    assert ready
    numbered = log.failure()
    assert (1, CONFIG.format(batch=4).rstrip("\n")) in numbered
    assert (count + 2, "Traceback (most recent call last):") in numbered
    assert len(numbered) == len({number for number, _ in numbered})


def test_what_is_no_file_is_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("missing", "pipe"):
        followed = Followed(str(tmp_path / name))
        assert list(followed.pieces()) == []
        assert not followed.is_there


def started(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*ADVISOR, "watch-log", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_once_ends_after_the_first_failure(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    running = started(str(log), "--once", "--interval", "0.05", "--format", "json", "--batch-size", "3")
    assert running.stderr is not None
    assert b"waiting for" in running.stderr.readline()
    log.write_text(CONFIG.format(batch=9) + MESSAGE)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 0
    assert json.loads(out)["facts"]["batch_size"] == 3
    assert err == b""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, -15)])
def test_an_interrupt_ends_it_cleanly(tmp_path: Path, number: int, status: int) -> None:
    log = tmp_path / "train.log"
    log.write_text(CONFIG.format(batch=9) + MESSAGE)
    running = started(str(log), "--interval", "0.05", "--format", "json")
    assert running.stdout is not None
    assert json.loads(running.stdout.readline())["failure"]["kind"] == "vram_oom"
    running.send_signal(number)
    _, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (status, b"")


def test_the_text_form_names_the_file_and_the_line(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    log.write_text(CONFIG.format(batch=9) + MESSAGE)
    running = started(str(log), "--once", "--lang", "zh")
    out, _ = running.communicate(timeout=60)
    text = out.decode()
    assert f"{log},第 5 行" in text
    assert "GPU 显存不足" in text
    eventually(lambda: running.returncode == 0)
