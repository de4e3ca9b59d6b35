"""`advisor run` and the logs that a launcher's workers write beside the terminal: one answer for all ranks."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from advisor.library import load_library
from advisor.running.ranks import error_text, folders, rank_of, worker_logs
from tests.cli.running import OOM, advisor, script

# A launcher that lays its files out as torchrun does: <log dir>/<run>_<random>/attempt_0/<rank>/.
LAUNCHER = """
import json, os, pathlib, sys, time
folder = pathlib.Path(sys.argv[sys.argv.index("--log-dir") + 1]) / "none_ab12" / "attempt_0"
for rank in (1, 0, 2):
    place = folder / str(rank)
    place.mkdir(parents=True)
    (place / "stdout.log").write_text("per_device_train_batch_size: 5\\n" if rank == 0 else "")
    (place / "stderr.log").write_text(TEXTS[rank])
    time.sleep(0.05)
print("ERROR:torch.distributed.elastic.multiprocessing.api:failed (exitcode: 1) local_rank: 1", file=sys.stderr)
sys.exit(1)
"""


def test_every_ranks_log_is_read_and_answered_once(tmp_path: Path) -> None:
    texts = {0: OOM.format(gpu=0), 1: OOM.format(gpu=1), 2: "RuntimeError: NCCL communicator was aborted\n"}
    launcher = script(tmp_path, "torchrun.py", f"TEXTS = {texts!r}\n{LAUNCHER}")
    old = tmp_path / "logs" / "none_old" / "attempt_0" / "7"
    old.mkdir(parents=True)
    (old / "stderr.log").write_text(OOM.format(gpu=7).replace("2.00", "9.00"))
    os.utime(old / "stderr.log", (time.time() - 3600,) * 2)
    done = advisor(
        "run", "--format", "json", "--", sys.executable, launcher, "--log-dir", str(tmp_path / "logs"), "train.py"
    )
    assert done.returncode == 1
    answers = [line for line in done.stderr.splitlines() if line.startswith(b"{")]
    assert len(answers) == 1
    answer = json.loads(answers[0])
    assert answer["failure"]["kind"] == "vram_oom"
    assert answer["ranks"] == [0, 1]
    facts = answer["facts"]
    assert facts["gpu_index"] == 1, "the rank that failed first speaks"
    assert facts["batch_size"] == 5
    assert facts["tried_to_allocate_gib"] == pytest.approx(2.0)


def test_an_error_file_that_the_launcher_names_is_read(tmp_path: Path) -> None:
    error = {
        "message": {"message": "OutOfMemoryError", "extraInfo": {"py_callstack": OOM.format(gpu=3), "timestamp": "1"}}
    }
    launcher = script(
        tmp_path, "torchrun.py",
        f"import json, pathlib, sys\npathlib.Path({str(tmp_path / 'error.json')!r}).write_text(json.dumps({error!r}))\n"
        f"print('[0]:\\n  rank      : 3 (local_rank: 3)\\n  exitcode  : 1\\n  error_file: {tmp_path}/error.json'); sys.exit(1)",
    )  # fmt: skip
    done = advisor("run", "--format", "json", "--", sys.executable, launcher)
    answer = json.loads(done.stderr)
    assert answer["failure"]["kind"] == "vram_oom"
    assert answer["facts"]["gpu_index"] == 3


def test_folders_are_found_by_options_variables_and_launchers(tmp_path: Path) -> None:
    words = load_library().settings["launchers"]

    def found(*command: str, **variables: str) -> list[str]:
        return [str(path) for path in folders(command, time.time(), words, variables)]

    assert found("torchrun", "--log_dir=/a", "train.py") == ["/a"]
    assert found("deepspeed", "--enable_each_rank_log", "/b", "train.py") == ["/b"]
    assert found("mpirun", "-np", "4", "--output-filename", "/c", "x") == ["/c"]
    assert found("torchrun", "train.py", PET_LOG_DIR="/d") == ["/d"]
    assert found("msrun", "train.py") == ["msrun_log"]
    assert found("python", "train.py", "--lr", "1") == []


def test_ranks_by_their_paths() -> None:
    pattern = load_library().settings["launchers"]["rank"]
    paths = {
        "/l/none_x/attempt_1/6/stderr.log": 6, "/l/20250101_rank12.log": 12, "/l/1/rank.3/stdout": 3, "/l/workerlog.2": 2,
        "/l/worker_0.log": 0, "/l/train.log": -1,
    }  # fmt: skip
    assert {path: rank_of(path, pattern) for path in paths} == paths


@pytest.mark.parametrize("data", [b"", b"[1]", b'{"message": 3}', b'{"a": 1}', b"\xff", b"[" * 100_000])
def test_other_json_is_no_error_file(data: bytes) -> None:
    assert error_text(data) in ("", "3")


def test_links_in_circles_and_unreadable_folders_do_not_stop_the_search(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "back").symlink_to(tmp_path)
    (tmp_path / "a" / "rank_0.log").write_text("x")
    logs = worker_logs(["x", "--log-dir", str(tmp_path)], "", time.time() - 5, load_library(), {})
    assert [log.rank for log in logs] == [0]
