"""The action and its example: schemas, an audit, no text of the event in any script, and its steps run by bash on hostile issues."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.bots.github.conftest import OOM, OTHER, ROOT, World

ACTION, EXAMPLE = ROOT / "action.yml", ROOT / "docs/examples/github-triage.yml"
BIN = Path(sys.executable).parent


def tool(name: str) -> str:
    found = shutil.which(name, path=str(BIN)) or shutil.which(name)
    if found is None:
        pytest.skip(f"needs {name}")
    return found


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def action() -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(ACTION.read_text(encoding="utf-8"))
    return data


@pytest.mark.parametrize(("schema", "path"), [("vendor.github-actions", ACTION), ("vendor.github-workflows", EXAMPLE)])
def test_the_schemas_of_github_accept_it(schema: str, path: Path) -> None:
    checked = run(tool("check-jsonschema"), "--builtin-schema", schema, str(path))
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_an_audit_finds_nothing(tmp_path: Path) -> None:
    workflows = tmp_path / ".github/workflows"
    workflows.mkdir(parents=True)
    shutil.copy(EXAMPLE, workflows / "advisor.yml")
    shutil.copy(ACTION, tmp_path / "action.yml")
    audit = (tool("zizmor"), "--offline", "--no-progress", "--persona", "pedantic", str(tmp_path))
    checked = run(*audit)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    bad = EXAMPLE.read_text(encoding="utf-8") + "      - run: echo ${{ github.event.issue.title }}\n"
    (workflows / "advisor.yml").write_text(bad, encoding="utf-8")
    checked = run(*audit)
    assert checked.returncode != 0
    assert "template-injection" in checked.stdout


def test_no_expression_is_in_any_script_and_every_action_is_pinned() -> None:
    example = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    steps = action()["runs"]["steps"] + [step for job in example["jobs"].values() for step in job["steps"]]
    assert [step["run"] for step in steps if "${{" in step.get("run", "")] == []
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"]) for step in steps if "uses" in step)
    assert "github.event" not in json.dumps(action())
    assert not any("checkout" in step.get("uses", "") for step in steps)


def test_the_example_asks_for_as_little_as_it_needs() -> None:
    example = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    assert example["permissions"] == {}
    [job] = example["jobs"].values()
    assert job["permissions"] == {"issues": "write", "contents": "read"}
    assert example["concurrency"]["group"].endswith("${{ github.event.issue.number }}")
    assert example["concurrency"]["cancel-in-progress"] is False
    assert job["timeout-minutes"] <= 15


def test_every_dependency_that_is_installed_has_a_version() -> None:
    requirements = pytest.importorskip("packaging.requirements", reason="needs packaging")
    names = pytest.importorskip("packaging.utils", reason="needs packaging")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        requirements.Requirement(text) for text in project["dependencies"] + project["optional-dependencies"]["github"]
    ]
    lines = (ROOT / "bots/github/constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    seen: set[str] = set()
    while wanted:
        requirement = wanted.pop()
        name = names.canonicalize_name(requirement.name)
        if name in seen:
            continue
        seen.add(name)
        assert name in pinned, f"{name} is installed without a version"
        assert requirement.specifier.contains(pinned[name]), f"{requirement} refuses {pinned[name]}"
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            continue
        if installed.version != pinned[name]:
            continue  # another version may ask for others
        inside = [requirements.Requirement(text) for text in installed.requires or []]
        extras = requirement.extras or {""}
        linux = {"python_version": "3.12", "python_full_version": "3.12.1"}
        wanted += [
            item
            for item in inside
            if not item.marker or any(item.marker.evaluate({"extra": extra} | linux) for extra in extras)
        ]
    assert len(seen) > 10


def steps_run(world: World, tmp_path: Path, payload: dict[str, Any], **inputs: str) -> tuple[int, str, dict[str, str]]:
    """Runs the action's last step by bash as a runner does, in this environment instead of one that it installed."""
    temp, work = tmp_path / "temp", tmp_path / "work"
    (temp / "vram-advisor/bin").mkdir(parents=True, exist_ok=True)
    work.mkdir(exist_ok=True)
    # Foreign code in the working directory must not take the place of a module.
    for name in ("json", "yaml", "advisor", "github", "re2"):
        (work / f"{name}.py").write_text("raise SystemExit('foreign code ran')\n")
    python = temp / "vram-advisor/bin/python"
    if not python.exists():
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        python.chmod(0o755)
    event, output = tmp_path / "event.json", tmp_path / "output"
    event.write_text(json.dumps(payload), encoding="utf-8")
    output.write_text("")
    values = {name: str(item.get("default", "")) for name, item in action()["inputs"].items()}
    values |= {"github-token": "token-advisor-bot"} | inputs
    step = next(step for step in action()["runs"]["steps"] if step.get("id") == "answer")

    def filled(text: str) -> str:
        return re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: values[found.group(1)], text)

    env = {name: filled(str(value)) for name, value in step["env"].items()}
    env |= {
        "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "RUNNER_TEMP": str(temp), "GITHUB_EVENT_PATH": str(event),
        "GITHUB_OUTPUT": str(output), "GITHUB_API_URL": world.proxy.url, "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]], env=env, cwd=work, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip
    outputs = dict(line.split("=", 1) for line in output.read_text().splitlines())
    return done.returncode, done.stdout + done.stderr, outputs


HOSTILE = '$(touch pwned) `touch pwned` "; touch pwned; # ${{ secrets.TOKEN }}\n::set-output name=result::pwned\n::add-mask::x\n'


def test_its_last_step_answers_a_hostile_issue_and_runs_nothing_of_it(world: World, tmp_path: Path) -> None:
    number = world.open(f"OOM {HOSTILE}", f"{HOSTILE}\n{OOM}\n{HOSTILE}")
    status, log, outputs = steps_run(world, tmp_path, world.payload(number))
    assert status == 0, log
    [body] = world.ours(number)
    assert "ran out of memory" in body
    assert outputs["result"] == "commented"
    assert outputs["kind"] == "vram_oom"
    assert outputs["comment-id"].isdigit()
    assert "pwned" not in log
    assert not list(tmp_path.rglob("pwned"))
    assert "::" not in log


def test_processes_at_the_same_moment_leave_one_comment(world: World, tmp_path: Path) -> None:
    number = world.open("OOM", OOM)
    payload = world.payload(number)
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda n: steps_run(world, tmp_path / str(n), payload), range(3)))
    assert [status for status, _, _ in done] == [0, 0, 0], done
    assert len(world.ours(number)) == 1


def test_dry_run_prints_and_changes_nothing(world: World, tmp_path: Path) -> None:
    number = world.open("OOM", OOM)
    status, log, _ = steps_run(world, tmp_path, world.payload(number), **{"dry-run": "true"})
    assert status == 0, log
    assert "The GPU ran out of memory" in log
    assert "Labels: oom" in log
    assert world.ours(number) == []
    assert {verb for verb, _ in world.proxy.seen} == {"GET"}


def test_pull_requests_pushes_and_other_issues_end_in_silence(world: World, tmp_path: Path) -> None:
    number = world.open("Wrong progress bar", OTHER)
    repository = {"full_name": world.repository}
    for payload in (
        {"action": "opened", "pull_request": {"number": 1, "title": OOM, "body": OOM}, "repository": repository},
        {"ref": "refs/heads/main", "head_commit": {"message": OOM}, "repository": repository},
        world.payload(number),
    ):
        status, log, outputs = steps_run(world, tmp_path, payload)
        assert status == 0, log
        assert outputs["result"] == "silent"
    assert world.ours(number) == []
    assert {verb for verb, _ in world.proxy.seen} == {"GET"}


def test_a_faulty_settings_file_ends_the_step_with_its_line(world: World, tmp_path: Path) -> None:
    import base64

    number = world.open("OOM", OOM)
    content = base64.b64encode(b"enabled: true\nlanguge: en\n").decode()
    answer = json.dumps({"encoding": "base64", "content": content})
    world.proxy.fail("GET", "/contents/", answer=(200, {"Content-Type": "application/json"}, answer))
    status, log, _ = steps_run(world, tmp_path, world.payload(number))
    assert status == 2
    assert ".github/advisor.yml:2: unknown setting 'languge'" in log
    assert world.ours(number) == []
