"""Bad input gets a clear message, exit status 2, and never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ADVISOR = [sys.executable, "-m", "advisor"]


def advisor(*arguments: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*ADVISOR, *arguments], input=data, capture_output=True, timeout=120, check=False)


@pytest.mark.parametrize(
    ("arguments", "data", "said"),
    [
        (["diagnose", "-"], b"", "empty"),
        (["diagnose", "-"], b" \n\t\n", "empty"),
        (["diagnose", "-"], b"\x7fELF\x02\x01\x01\x00\x00\x00", "binary"),
        (["diagnose", "/no/such/file.log"], b"", "no such file"),
        (["diagnose", "/"], b"", "folder"),
        (["diagnose", "-", "--batch-size", "many"], b"x", "--batch-size"),
        (["diagnose", "-", "--batch-size", "0"], b"x", "--batch-size"),
        (["diagnose", "-", "--set", "batch_sise=4"], b"x", "batch_size"),
        (["diagnose", "-", "--set", "batch_size"], b"x", "FACT=VALUE"),
        (["diagnose", "-", "--precision", "fp17"], b"x", "fp16"),
        (["diagnose", "-", "--rules", "/no/such/folder"], b"x", "/no/such/folder"),
        (["diagnose", "-", "--format", "xml"], b"x", "xml"),
        (["why-not", "nonsense", "-"], b"CUDA out of memory", "no such remedy"),
        (["rules", "show", "nonsense"], b"", "no such rule"),
        (["frobnicate"], b"", "frobnicate"),
    ],
)
def test_bad_input_is_refused(arguments: list[str], data: bytes, said: str) -> None:
    done = advisor(*arguments, data=data)
    message = done.stderr.decode()
    assert done.returncode == 2, message
    assert said in message
    assert "Traceback" not in message
    assert not done.stdout


def test_a_pack_with_faults_lists_them_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("id: [unclosed\n")
    (tmp_path / "wrong.yaml").write_text("id: x\nstatus: shiny\nwhen: {kind: {about: 3}}\nthen: []\n")
    done = advisor("diagnose", "-", "--rules", str(tmp_path), data=b"CUDA out of memory")
    message = done.stderr.decode()
    assert done.returncode == 2
    assert "broken.yaml:" in message
    assert "wrong.yaml:" in message
    assert "Traceback" not in message


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfe" + "CUDA out of memory".encode("utf-16-le"),
        b"caf\xe9 \xff\xfe\xfd CUDA out of memory",
        b"CUDA out of memory" + b"\r\n" * 3,
        "训练时报错 CUDA out of memory".encode("gb18030"),
    ],
)
def test_odd_encodings_are_read(data: bytes) -> None:
    done = advisor("diagnose", "-", "--format", "json", data=data)
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout)["failure"]["kind"] == "vram_oom"


def test_a_text_without_a_failure_says_so() -> None:
    done = advisor("diagnose", "-", "--format", "json", data=b"Epoch 3: loss 0.41, 12.3 it/s\nTraining finished.\n")
    assert done.returncode == 0
    answer = json.loads(done.stdout)
    assert answer["failure"]["kind"] == "none"
    assert answer["remedies"] == []


def test_json_lines_go_on_after_a_bad_line() -> None:
    lines = [
        json.dumps({"id": "a", "text": "RuntimeError: CUDA out of memory."}),
        "{not json",
        json.dumps({"id": "c", "text": 7}),
        json.dumps(["d"]),
        "",
        json.dumps({"id": "e", "text": ""}),
    ]
    done = advisor("diagnose", "--jsonl", "-", data="\n".join(lines).encode())
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert [answer.get("id") for answer in answers] == ["a", None, "c", None, "e"]
    assert ["error" in answer for answer in answers] == [False, True, True, True, False]
    assert answers[1]["error"]["line"] == 2
    assert answers[4]["failure"]["kind"] == "none"


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    log = tmp_path / "cases.jsonl"
    log.write_text("".join(json.dumps({"id": i, "text": "CUDA out of memory"}) + "\n" for i in range(300)))
    command = f"{sys.executable} -m advisor diagnose --jsonl {log} | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120, check=False)
    assert json.loads(done.stdout)["id"] == 0
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    environment = {**os.environ, "ADVISOR_CACHE": str(tmp_path / "file" / "below")}
    (tmp_path / "file").write_text("not a folder")
    done = subprocess.run(
        [*ADVISOR, "diagnose", "-"],
        input=b"CUDA out of memory",
        env=environment,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
