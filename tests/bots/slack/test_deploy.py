"""What is deployed and documented is what the program reads."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from bots.slack import settings

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "bots" / "slack" / "deploy"
VARIABLE = re.compile(r"\b(?:ADVISOR_SLACK|SLACK)_[A-Z_]+[A-Z]\b")


def _read_by_the_program() -> set[str]:
    text = Path(settings.__file__).read_text(encoding="utf-8")
    return set(re.findall(r'read\.\w+\(\s*"([A-Z_]+)"', text))


def test_every_setting_is_documented_and_nothing_else() -> None:
    page = (ROOT / "docs" / "slack.md").read_text(encoding="utf-8")
    assert {name.removesuffix("_FILE") for name in VARIABLE.findall(page)} == _read_by_the_program()


@pytest.mark.parametrize("path", sorted(DEPLOY.iterdir()), ids=lambda path: path.name)
def test_deployments_set_only_what_is_read(path: Path) -> None:
    assert set(VARIABLE.findall(path.read_text(encoding="utf-8"))) <= _read_by_the_program()


def test_the_compose_file_is_one() -> None:
    pytest.importorskip("check_jsonschema")
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        str(DEPLOY / "compose.yaml"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_is_built_from_files_that_exist() -> None:
    kept = [line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")]
    assert all((ROOT / name).exists() for name in kept)
    assert {"pyproject.toml", "advisor", "bots", "rules", "knowledge"} <= set(kept)
