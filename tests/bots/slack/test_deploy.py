"""What is deployed and documented is what the program reads."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml

from advisor.cli import slack as slack_command
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


def _accepted(words: list[str]) -> bool:
    """Whether `advisor slack WORDS` names a command and options that there are."""
    group = slack_command.command
    command: click.Command = group
    if words and isinstance(group, click.Group) and words[0] in group.commands:
        command, words = group.commands[words[0]], words[1:]
    known = {name for parameter in command.params for name in parameter.opts}
    return all(word in known for word in words)


def test_what_is_deployed_runs_commands_that_there_are() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    commands = [service["command"] for service in compose["services"].values() if "command" in service]
    assert commands == [["--http"], ["migrate"]]
    service = (DEPLOY / "advisor-slack.service").read_text(encoding="utf-8")
    started = re.search(r"^ExecStart=/opt/advisor/bin/advisor slack(.*)$", service, re.MULTILINE)
    assert started is not None
    for words in [*commands, started.group(1).split()]:
        assert _accepted(words), words
    assert not _accepted(["migrat"])


def test_the_paths_of_the_compose_file_lead_to_what_there_is() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    for name in ("bot", "http", "migrate"):
        build = compose["services"][name]["build"]
        root = (DEPLOY / build["context"]).resolve()
        assert root == ROOT
        assert (root / build["dockerfile"]).is_file()
        needed = set(compose["services"][name]["depends_on"])
        assert needed <= set(compose["services"])


def test_the_image_asks_for_what_the_bot_answers_and_runs_as_nobody_else() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    stages = [line.split()[1] for line in text.splitlines() if line.startswith("FROM ")]
    assert len(set(stages)) == 1
    assert re.search(r":\d+\.\d+-", stages[0]), "a version, not latest"
    last = text[text.rindex("FROM ") :]
    assert last.index("USER advisor") < last.index("ENTRYPOINT")
    path = re.search(r"http://127\.0\.0\.1:3000(/\w+)", last)
    assert path is not None
    assert f'"{path.group(1)}"' in (ROOT / "bots" / "slack" / "web.py").read_text(encoding="utf-8")
    assert 'ENTRYPOINT ["advisor", "slack"]' in last
