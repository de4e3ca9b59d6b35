"""What a pack replaces is said with path and line."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from advisor.cli import cli
from advisor.lint.replaced import replaced


def _rule(folder: Path, name: str, status: str = "stable") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.yaml"
    path.write_text(f"# ours\nid: {name}\nstatus: {status}\n", encoding="utf-8")
    return path


def test_built_in_rules_and_earlier_packs(tmp_path: Path) -> None:
    base, one, two = tmp_path / "base", tmp_path / "one", tmp_path / "two"
    _rule(base, "a"), _rule(base, "b"), _rule(one, "a", "deprecated"), _rule(one, "c"), _rule(two, "c")
    found = list(replaced(base, [one, two]))
    assert [(item.id, item.is_off, item.is_conflict) for item in found] == [("a", True, False), ("c", False, True)]
    assert found[0].later == f"{one / 'a.yaml'}:2"
    assert found[0].earlier == f"{base / 'a.yaml'}:2"
    assert found[1].earlier == f"{one / 'c.yaml'}:2"


def test_a_pack_is_checked_tested_and_obeyed(tmp_path: Path) -> None:
    runner = CliRunner()
    pack = tmp_path / "pack"
    assert runner.invoke(cli, ["rules", "new", "our-own-rule", "--folder", str(pack)]).exit_code == 0
    assert runner.invoke(cli, ["rules", "check", str(pack)]).exit_code == 0
    tested = runner.invoke(cli, ["rules", "test", str(pack)])
    assert "2 cases of 1 rules, 0 failed" in tested.output
    again = tmp_path / "again"
    again.mkdir()
    (again / "our-own-rule.yaml").write_text((pack / "our-own-rule.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    checked = runner.invoke(cli, ["rules", "check", str(pack), str(again)])
    assert f"{again / 'our-own-rule.yaml'}:1: replaces our-own-rule of {pack / 'our-own-rule.yaml'}:1" in checked.output
