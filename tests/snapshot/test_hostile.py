"""Hostile files: code in every way a pickle can hold it, bombs of memory and time, damage. All end with exit status 2 and one message."""

from __future__ import annotations

import json
import os
import pickle
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import advisor.snapshot as room
from advisor.cli import execute
from advisor.errors import InputError
from advisor.snapshot import read_snapshot, witness_of
from advisor.snapshot.analyse import analyse
from advisor.snapshot.unpickle import Refused
from tests.snapshot.recording import training


class Calls:
    """An object whose pickle calls a function when it is loaded."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call


class Placed:
    """An object whose pickle makes an instance and sets its state."""

    def __init__(self, state: Any) -> None:
        self.state = state


def programs(mark: Path) -> dict[str, bytes]:
    """Pickles that would create `mark`, one for each opcode that can bring in something from outside."""
    shell = f"touch {mark}"
    text = shell.encode()
    short = struct.pack("<I", len(text)) + text
    hidden: dict[str, Any] = training().snapshot()
    hidden["segments"][0]["blocks"][0]["frames"] = [Calls(os.system, shell)]
    as_key = {"segments": [], "device_traces": [], "x": {1: Calls(exec, f"open({str(mark)!r}, 'w')")}}
    return {
        "REDUCE of a GLOBAL": b"cos\nsystem\n(S'" + text + b"'\ntR.",
        "REDUCE of posix": b"cposix\nsystem\n(S'" + text + b"'\ntR.",
        "INST": b"(S'" + text + b"'\nios\nsystem\n.",
        "OBJ": b"(cos\nsystem\nS'" + text + b"'\no.",
        "STACK_GLOBAL": pickle.dumps(Calls(os.system, shell), protocol=4),
        "protocol 5": pickle.dumps(Calls(os.system, shell), protocol=5),
        "protocol 0": pickle.dumps(Calls(os.system, shell), protocol=0),
        "eval": pickle.dumps(Calls(eval, f"__import__('os').system({shell!r})")),
        "Popen": pickle.dumps(Calls(subprocess.Popen, ["touch", str(mark)])),
        "NEWOBJ": b"\x80\x02csubprocess\nPopen\n]X" + short + b"a\x85\x81.",
        "NEWOBJ_EX": b"\x80\x04\x8c\x0asubprocess\x8c\x05Popen\x93)}\x92.",
        "BUILD": pickle.dumps(Placed({"run": Calls(os.system, shell)})),
        "EXT1": b"\x80\x02\x82\x01.",
        "EXT4": b"\x80\x02\x84\xff\xff\xff\x7f.",
        "PERSID": b"Pstorage\n.",
        "BINPERSID": b"\x80\x02X\x07\x00\x00\x00storageQ.",
        "code in a stack": pickle.dumps(hidden),
        "code in a mapping": pickle.dumps(as_key),
        "builtins.getattr": b"cbuiltins\ngetattr\n(cos\nS'system'\ntR.",
        "OrderedDict": b"ccollections\nOrderedDict\n)R.",
    }  # fmt: skip


NAMES = sorted(programs(Path("/x")))


@pytest.mark.parametrize("name", NAMES)
def test_a_program_is_refused_and_never_run(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mark = tmp_path / "ran"
    file = tmp_path / "snapshot.pickle"
    file.write_bytes(programs(mark)[name])
    assert execute(["snapshot", str(file)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"advisor: {file}: is no memory snapshot")
    assert not mark.exists()


@pytest.mark.parametrize("name", ["STACK_GLOBAL", "Popen", "eval", "INST", "REDUCE of a GLOBAL"])
def test_these_programs_do_run_where_pickles_are_trusted(name: str, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    found = pickle.loads(programs(mark)[name])
    if hasattr(found, "wait"):
        found.wait()
    assert mark.exists()


def refused(tmp_path: Path, data: bytes) -> str:
    file = tmp_path / "snapshot.pickle"
    file.write_bytes(data)
    with pytest.raises(InputError) as caught:
        read_snapshot(file)
    assert caught.value.place == str(file)
    return caught.value.message


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02]r\xff\xff\xff\x7f.",  # a place in the memo that makes its table 32 GiB long
        b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b"x.",  # BYTEARRAY8 of a TiB
        b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b"x.",  # BINBYTES8
        b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b"].",  # FRAME
        b"\x80\x02\x8b" + struct.pack("<i", 2**31 - 1) + b"\x01.",  # LONG4
    ],
    ids=["LONG_BINPUT", "BYTEARRAY8", "BINBYTES8", "FRAME", "LONG4"],
)
def test_a_claim_of_memory_is_no_memory(tmp_path: Path, data: bytes) -> None:
    refused(tmp_path, data)


def test_shared_lists_that_multiply_are_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_BASE_SECONDS", 3)
    monkeypatch.setattr(room, "_BASE_MEMORY", 250 * 2**20)
    block = {"size": 512, "state": "active_allocated", "frames": []}
    segment = {"device": 0, "address": 1, "total_size": 512, "blocks": [block] * 100_000}
    assert "takes more" in refused(tmp_path, pickle.dumps({"segments": [segment] * 100_000}))


def test_keys_that_collide_are_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_BASE_SECONDS", 1)
    monkeypatch.setattr(room, "_SECONDS_PER_MIB", 0)
    prime = 2**61 - 1  # equal hashes: integers are hashed by their remainder
    parts = [b"\x8a\x0b" + (index * prime).to_bytes(11, "little", signed=True) + b"N" for index in range(1, 150_000)]
    assert "takes more" in refused(tmp_path, b"\x80\x02}(" + b"".join(parts) + b"u.")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"CUDA out of memory\n",
        b"PK\x03\x04 a checkpoint of torch.save",
        pickle.dumps(training().snapshot())[:-400],
        b"\x80\x04" + b"(" * 500_000,
        b"\x80\x02" + b"]" * 200_000 + b"a" * 199_999 + b".",
        b"\x80\x02]q\x00h\x00a.",  # a list that holds itself
        pickle.dumps({"segments": {}}),
        pickle.dumps({"segments": [3]}),
        pickle.dumps({"segments": [{"blocks": [None]}]}),
        pickle.dumps({"segments": [], "device_traces": [[1]]}),
        pickle.dumps({"segments": [{"blocks": [{"size": -5, "state": "active_allocated"}], "total_size": 4}]}),
        pickle.dumps({"segments": [{"blocks": [{"size": 2**80, "state": "active_allocated"}], "total_size": 4}]}),
        pickle.dumps({"segments": []}),
        pickle.dumps([]),
        pickle.dumps("segments"),
        pickle.dumps(None),
    ],
)  # fmt: skip
def test_what_is_no_snapshot_is_said_to_be_none(tmp_path: Path, data: bytes) -> None:
    assert refused(tmp_path, data).startswith("is no memory snapshot")


def test_odd_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["snapshot", str(tmp_path / "gone.pickle")]) == 2
    assert execute(["snapshot", str(tmp_path)]) == 2
    large = tmp_path / "large.pickle"
    with large.open("wb") as file:
        file.truncate(3 * 2**20)
    assert execute(["snapshot", str(large), "--max-size", "2"]) == 2
    said = capsys.readouterr().err
    assert "No such file" in said
    assert "is a folder" in said
    assert "is larger than 2 MiB" in said
    assert "--max-size" in said


def test_foreign_text_reaches_no_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = training().snapshot()
    evil = [
        {"filename": "/x/\x1b]0;owned\x07<img src=x>.py", "line": 10**30, "name": "a\x1b[31m\n@all" + "b" * 5000},
        7,
        {"name": None},
    ]
    for segment in made["segments"]:
        segment["blocks"][0]["frames"] = evil
    made["device_traces"] = []
    file = tmp_path / "snapshot.pickle"
    file.write_bytes(pickle.dumps(made))
    for form in ("text", "markdown", "json"):
        assert execute(["snapshot", str(file), "--format", form]) == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "\x07" not in said
    assert max(map(len, said.splitlines())) < 2000


@given(st.binary(max_size=300))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_bytes_are_refused_in_words(tmp_path: Path, data: bytes) -> None:
    refused(tmp_path, data)


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**65), 2**65), st.floats(), st.text(max_size=6), st.binary(max_size=4),
    st.sampled_from(["alloc", "free_requested", "free_completed", "oom", "active_allocated", "inactive"]),
)  # fmt: skip
KEYS = st.sampled_from(
    ["segments", "blocks", "frames", "size", "address", "addr", "state", "action", "device", "device_traces", "history", "real_size",
     "requested_size", "total_size", "filename", "name", "line", "category", "is_expandable", "device_free"]
)  # fmt: skip
PLAIN = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=6)),
    max_leaves=40,
)
BLOCKS = st.lists(st.dictionaries(KEYS, PLAIN, max_size=6), max_size=3)
SEGMENTS = st.fixed_dictionaries({"blocks": BLOCKS}, optional={"device": SCALARS, "total_size": SCALARS})
EVENTS = st.lists(st.dictionaries(KEYS, SCALARS | st.lists(PLAIN, max_size=2), max_size=6), max_size=5)


@given(
    st.fixed_dictionaries(
        {
            "segments": st.lists(
                st.fixed_dictionaries({"blocks": BLOCKS}, optional={"device": SCALARS, "total_size": SCALARS}),
                max_size=3,
            ),
            "device_traces": st.lists(EVENTS, max_size=2) | PLAIN,
        }
    )
    | PLAIN
)
@settings(deadline=None)
def test_any_plain_data_gives_figures_or_a_reason(data: Any) -> None:
    try:
        summary = analyse(data)
    except Refused:
        return
    answer = json.dumps(summary.as_json())
    assert len(answer) < 10**6
    assert diagnose_snapshot(summary)


def diagnose_snapshot(summary: Any) -> bool:
    text, witness = witness_of(summary)
    return bool(text) and all(item.gib >= 0 for item in witness.held)


def test_a_folder_of_its_own_modules_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "advisor").mkdir()
    (tmp_path / "advisor" / "__init__.py").write_text("raise SystemExit('shadowed')")
    (tmp_path / "pickle.py").write_text("raise SystemExit('shadowed')")
    file = tmp_path / "snapshot.pickle"
    file.write_bytes(pickle.dumps(training().snapshot()))
    monkeypatch.chdir(tmp_path)
    assert read_snapshot(file).main.oom is not None
