"""The built archives hold everything, and the wheel works away from the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The sdist of the checkout, and the wheel that is built from the sdist."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return next(out.glob("*.tar.gz")), next(out.glob("*.whl"))


def tracked(folder: str) -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files", folder], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split("\n")
    files = {name for name in listed if name and (ROOT / name).is_file()}
    return files or {str(path.relative_to(ROOT)) for path in (ROOT / folder).rglob("*") if path.is_file()}


def test_the_wheel_holds_the_packages_and_the_data(archives: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(archives[1]) as wheel:
        names = set(wheel.namelist())
    for folder in ("advisor", "bots"):
        missing = {name for name in tracked(folder) if not name.endswith(".md")} - names
        assert not missing
    for folder in ("rules", "knowledge"):
        wanted = {f"advisor/_data/{name}" for name in tracked(folder) if name.endswith((".yaml", ".yml"))}
        assert wanted
        assert wanted <= names
    assert not any(name.startswith(("rules/", "knowledge/", "tests/")) for name in names)


def test_the_sdist_holds_what_the_wheel_and_the_tests_need(archives: tuple[Path, Path]) -> None:
    with tarfile.open(archives[0]) as sdist:
        names = {name.split("/", 1)[1] for name in sdist.getnames() if "/" in name}
    for folder in ("advisor", "bots", "rules", "knowledge", "tests"):
        assert tracked(folder) <= names
    assert {"pyproject.toml", "LICENSE", "README.md"} <= names


def test_no_code_hides_under_the_data_folders() -> None:
    assert not [path for folder in ("rules", "knowledge") for path in (ROOT / folder).rglob("*.py")]


def test_the_wheel_runs_away_from_the_checkout(archives: tuple[Path, Path], tmp_path: Path) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(archives[1]) as wheel:
        wheel.extractall(site)
    environment = {
        **os.environ,
        "PYTHONPATH": str(site),
        "ADVISOR_CACHE": str(tmp_path / "cache"),
        "HOME": str(tmp_path),
    }
    code = (
        "import advisor, sys; assert advisor.__file__.startswith(sys.argv[1]), advisor.__file__;"
        "from advisor.cli import execute; sys.exit(execute(sys.argv[2:]))"
    )
    log = (
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. "
        "GPU 0 has a total capacity of 23.69 GiB of which 1.00 GiB is free."
    )
    command = [sys.executable, "-c", code, str(site), "diagnose", "-"]
    done = subprocess.run(
        command, input=log, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "23.7 GiB" in done.stdout
