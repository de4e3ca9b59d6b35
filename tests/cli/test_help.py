"""Every command explains itself, and docs/help.md says the same."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor.cli import cli
from advisor.vocabulary import DESCRIBABLE

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = cli.list_commands(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    result = CliRunner().invoke(cli, [command, "--help"])
    assert result.exit_code == 0
    assert result.output.startswith("Usage: ")
    assert "Options" in result.output


def test_every_describable_fact_is_an_option_of_diagnose() -> None:
    text = CliRunner().invoke(cli, ["diagnose", "--help"]).output
    assert all(f"--{fact.replace('_', '-')}" in text for fact in DESCRIBABLE)


def test_the_page_of_commands_is_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("make_help", ROOT / "docs" / "make_help.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / "docs" / "help.md").read_text(encoding="utf-8") == module.pages(), "run: python docs/make_help.py"


def test_the_pages_of_the_rules_are_up_to_date() -> None:
    from advisor.cli._rule_pages import area_of, page
    from advisor.library import load_library

    library = load_library()
    areas = {area_of(rule) for rule in library.rules}
    assert {path.stem for path in (ROOT / "docs" / "rules").glob("*.md")} == areas
    for area in areas:
        rules = [rule for rule in library.rules if area_of(rule) == area]
        written = (ROOT / "docs" / "rules" / f"{area}.md").read_text(encoding="utf-8")
        assert written == page(area, rules, library), "run: advisor rules docs"
