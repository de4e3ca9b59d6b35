"""`advisor run`: the command as it would run alone; one diagnosis after a failure of memory, silence after any other."""

from __future__ import annotations

import doctest
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import ADVISOR, OOM, advisor, script

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="runs POSIX commands")
NOISE = bytes(range(256)) * 40 + b"\r\n\x1b[31m\xff\xfe" + "训练".encode()


def test_both_streams_pass_byte_for_byte_and_apart(tmp_path: Path) -> None:
    (tmp_path / "noise").write_bytes(NOISE)
    done = advisor("run", "--", "sh", "-c", f"cat {tmp_path}/noise; head -c 5000 {tmp_path}/noise >&2")
    assert done.returncode == 0
    assert done.stdout == NOISE
    assert done.stderr == NOISE[:5000]


def test_many_megabytes_pass_unchanged() -> None:
    command = "head -c 60000000 /dev/zero | tr '\\0' 'ab' ; seq 1 200000"
    alone = subprocess.run(["sh", "-c", f"({command}) | cksum"], capture_output=True, check=True).stdout
    line = f'{sys.executable} -m advisor run -- sh -c "{command}" | cksum'
    assert subprocess.run(["bash", "-c", line], capture_output=True, check=True).stdout == alone


def test_standard_input_reaches_the_command() -> None:
    done = advisor("run", "--", "tr", "a-z", "A-Z", data=b"abc\n")
    assert done.stdout == b"ABC\n"


@pytest.mark.parametrize(
    ("command", "status"),
    [("true", 0), ("exit 3", 3), ("exit 255", 255), ("kill -TERM $$", 143), ("kill -INT $$", 130)],
)
def test_the_exit_status_is_the_commands_and_nothing_is_said(command: str, status: int) -> None:
    done = advisor("run", "--", "sh", "-c", command)
    assert (done.returncode, done.stdout, done.stderr) == (status, b"", b"")


def test_a_command_that_is_not_there_ends_as_in_a_shell(tmp_path: Path) -> None:
    missing = advisor("run", "--", "no-such-command")
    assert (missing.returncode, missing.stderr) == (127, b"advisor: no-such-command: command not found\n")
    (tmp_path / "x").write_text("data")
    assert advisor("run", "--", str(tmp_path / "x")).returncode == 126


def test_a_script_without_a_first_line_is_given_to_the_shell(tmp_path: Path) -> None:
    path = tmp_path / "job"
    path.write_text("echo from the shell $1\n")
    path.chmod(0o755)
    assert advisor("run", "--", str(path), "1").stdout == b"from the shell 1\n"


def test_options_stand_before_the_command_and_the_commands_own_are_its_own() -> None:
    done = advisor("run", "--lang", "zh", "echo", "--format", "json", "-h")
    assert done.stdout == b"--format json -h\n"


def test_an_out_of_memory_error_adds_one_diagnosis_with_the_command_lines_facts(tmp_path: Path) -> None:
    path = script(
        tmp_path, "train.py", f"import sys; print('step 1'); sys.stderr.write({OOM.format(gpu=0)!r}); sys.exit(1)"
    )
    flags = ("--model_name_or_path", "Qwen/Qwen2.5-7B", "--per_device_train_batch_size", "6", "--bf16", "True")
    done = advisor("run", "--format", "json", "--", sys.executable, path, *flags)
    assert done.returncode == 1
    assert done.stdout == b"step 1\n"
    own, _, rest = done.stderr.rpartition(b"\n{")
    assert own.decode() + "\n" == OOM.format(gpu=0)
    answer = json.loads(b"{" + rest)
    assert answer["failure"]["kind"] == "vram_oom"
    assert answer["exit_status"] == 1
    assert answer["facts"]["batch_size"] == 6
    assert answer["facts"]["tried_to_allocate_gib"] == pytest.approx(2.0)


def test_stated_facts_language_and_a_file_for_the_answer(tmp_path: Path) -> None:
    path = script(tmp_path, "train.py", f"import sys; sys.stderr.write({OOM.format(gpu=0)!r}); sys.exit(2)")
    target = tmp_path / "why.md"
    options = ("--output", str(target), "--format", "markdown", "--lang", "zh", "--batch-size", "3")
    done = advisor("run", *options, "--", sys.executable, path)
    assert done.returncode == 2
    assert done.stderr.decode() == OOM.format(gpu=0)
    text = target.read_text()
    assert "显存不足" in text
    assert "退出码 2" in text


def test_a_run_that_went_on_after_an_out_of_memory_error_is_told(tmp_path: Path) -> None:
    path = script(
        tmp_path, "train.py", f"import sys; sys.stderr.write({OOM.format(gpu=0)!r}); print('retrying with batch 2')"
    )
    done = advisor("run", "--", sys.executable, path)
    assert done.returncode == 0
    assert b"ended well, but ran out of memory" in done.stderr


@pytest.mark.parametrize(
    "text",
    [
        "ValueError: shapes do not match",
        "3.2 GB of memory in use, 20 GB free",
        "AssertionError: loss is nan",
    ],
)
def test_other_failures_and_mentions_of_memory_are_passed_over_in_silence(tmp_path: Path, text: str) -> None:
    path = script(tmp_path, "train.py", f"import sys; print({text!r}); sys.exit(1)")
    done = advisor("run", "--", sys.executable, path)
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_killed_child_gets_the_diagnosis_of_host_memory() -> None:
    done = advisor("run", "--", "sh", "-c", "echo epoch 1; kill -9 $$")
    assert done.returncode == 137
    assert done.stdout == b"epoch 1\n"
    assert b"The machine ran out of RAM" in done.stderr
    assert b"SIGKILL: the kernel counted" in done.stderr or not os.path.exists("/proc/vmstat")
    inner = advisor("run", "--format", "json", "--", "sh", "-c", "sh -c 'kill -9 $$'; exit $?")
    assert inner.returncode == 137
    assert json.loads(inner.stderr.splitlines()[-1])["failure"]["kind"] == "host_oom"


def test_output_into_a_file_is_written_by_the_command_and_still_read(tmp_path: Path) -> None:
    path = script(tmp_path, "train.py", f"import sys; print({OOM.format(gpu=0)!r}); sys.exit(1)")
    log = tmp_path / "log"
    log.write_text("an older run: CUDA out of memory. Tried to allocate 9.00 GiB\n")
    with log.open("ab") as out:
        done = subprocess.run(
            [*ADVISOR, "run", "--format", "json", "--", sys.executable, path],
            stdout=out,
            stderr=subprocess.PIPE,
            timeout=120,
            check=False,
        )
    assert done.returncode == 1
    assert log.read_text().endswith(OOM.format(gpu=0) + "\n")
    assert json.loads(done.stderr)["facts"]["tried_to_allocate_gib"] == pytest.approx(2.0)


def test_both_streams_into_one_pipe_keep_their_order() -> None:
    line = (
        f"{sys.executable} -m advisor run -- sh -c 'for i in 1 2 3 4; do echo out $i; echo err $i >&2; done' 2>&1 | cat"
    )
    text = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True).stdout
    assert text == "".join(f"out {i}\nerr {i}\n" for i in range(1, 5))


def test_everything_thrown_away_can_still_be_answered_in_a_file(tmp_path: Path) -> None:
    path = script(tmp_path, "train.py", f"import sys; print({OOM.format(gpu=0)!r}); sys.exit(1)")
    target = tmp_path / "why.txt"
    subprocess.run(
        [*ADVISOR, "run", "--output", str(target), "--", sys.executable, path],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120, check=False,
    )  # fmt: skip
    assert "ran out of memory" in target.read_text()


def test_settings_in_the_files_that_the_command_names_are_read(tmp_path: Path) -> None:
    (tmp_path / "sft.yaml").write_text(
        "model_name_or_path: Qwen/Qwen2.5-7B\nper_device_train_batch_size: 12\ncutoff_len: 4096\n"
    )
    path = script(tmp_path, "train.py", f"import sys; sys.stderr.write({OOM.format(gpu=0)!r}); sys.exit(1)")
    done = advisor("run", "--format", "json", "--", sys.executable, path, str(tmp_path / "sft.yaml"))
    assert json.loads(done.stderr.splitlines()[-1])["facts"]["batch_size"] == 12


def test_a_closed_stdout_stays_closed() -> None:
    line = f"{sys.executable} -m advisor run -- sh -c 'echo x; echo status $? >&2' >&-"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=120, check=False)
    assert "status 1" in done.stderr or "status 2" in done.stderr


def test_an_answer_that_could_not_be_written_is_refused_before_the_command_runs(tmp_path: Path) -> None:
    for target in (tmp_path, tmp_path / "missing" / "why.txt"):
        done = advisor("run", "--output", str(target), "--", "touch", str(tmp_path / "ran"))
        assert done.returncode == 2
        assert b"can't be written" in done.stderr
    assert not (tmp_path / "ran").exists()


def test_a_fault_of_the_advisor_leaves_the_status_alone(tmp_path: Path) -> None:
    path = script(tmp_path, "train.py", f"import sys; sys.stderr.write({OOM.format(gpu=0)!r}); sys.exit(5)")
    broken = tmp_path / "rules"
    broken.mkdir()
    (broken / "x.yaml").write_text("id: [unclosed")
    done = advisor("run", "--", sys.executable, path, env={**os.environ, "ADVISOR_CACHE": "/dev/null/x"})
    assert done.returncode == 5
    refused = advisor("run", "--rules", str(broken), "--", "touch", str(tmp_path / "ran"))
    assert refused.returncode == 2
    assert not (tmp_path / "ran").exists()


def test_nothing_slow_is_imported_for_a_command_that_ends_well() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "advisor", "run", "--", "true"], capture_output=True, check=True
    )
    program = [sys.executable, "-X", "importtime", "-c", "import runpy, sys"]
    bare = subprocess.run(program, capture_output=True, check=True)
    ours, theirs = (
        {line.rpartition("|")[2].strip() for line in each.stderr.decode().splitlines()} for each in (done, bare)
    )
    assert "advisor.running.command" in ours
    slow = {"typing", "enum", "ctypes", "threading", "re", "signal", "re2", "functools", "advisor.library", "click"}
    assert slow & (ours - theirs) == set()


@pytest.mark.parametrize("module", ["signals", "system"])
def test_the_examples_of_the_small_modules_are_true(module: str) -> None:
    failed, tried = doctest.testmod(importlib.import_module(f"advisor.running.{module}"))
    assert tried
    assert not failed


def test_a_healthy_output_is_searched_without_the_engine_for_patterns() -> None:
    code = "import sys; from advisor.signs import may_fail; print(may_fail(b'loss 2.1'), 're2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.split() == [b"False", b"False"]


def test_a_program_is_searched_as_the_shell_does(tmp_path: Path) -> None:
    """What is there and can't be run does not end the search along PATH, and is told if nothing else is found."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    (first / "prog").write_text("#!/bin/sh\necho no\n")  # not executable
    path = {**os.environ, "PATH": f"{first}:{second}:{os.environ['PATH']}"}
    assert advisor("run", "--", "prog", env=path).returncode == 126
    (second / "prog").write_text("echo yes\n")  # no first line: the shell runs it
    (second / "prog").chmod(0o755)
    assert advisor("run", "--", "prog", env=path).stdout == b"yes\n"
    (second / "sub").write_text("#!/nowhere\n")
    assert advisor("run", "--", "no-such-program", env=path).returncode == 127
