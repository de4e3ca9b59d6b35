"""What is imported when: a library import and a headless diagnosis pull in no toolkit."""

from __future__ import annotations

import subprocess
import sys

import pytest

TOOLKITS = ("rich", "textual", "slack_bolt", "click", "pydantic", "torch", "yaml")


def loaded(code: str, *names: str) -> set[str]:
    probe = f"import sys\n{code}\nprint(*[name for name in {names!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=120, check=True)
    return set(done.stdout.split("\n")[-2].split())


def test_importing_the_library_pulls_in_nothing_heavy() -> None:
    assert loaded("import advisor", *TOOLKITS) == set()


ROOMS = [
    "engine", "readers", "estimate", "plan", "diagnosis", "report", "names", "library", "api", "live", "watching",
    "snapshot", "integrations",
]  # fmt: skip


@pytest.mark.parametrize("module", [f"advisor.{room}" for room in ROOMS])
def test_no_room_of_the_engine_side_imports_a_toolkit(module: str) -> None:
    assert loaded(f"import {module}", "rich", "textual", "slack_bolt", "click", "torch") == set()


def test_a_json_diagnosis_needs_no_rich() -> None:
    code = (
        "import sys, io; from advisor.cli import execute; sys.stdin = io.TextIOWrapper(io.BytesIO(b'CUDA out of memory'));"
        "sys.stdout.flush(); assert execute(['diagnose', '-', '--format', 'json']) == 0"
    )
    assert loaded(code, "rich", "textual", "slack_bolt") == set()
