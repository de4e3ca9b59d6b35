"""Two files of one pack with the same id: reported with the path and the line of both."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor.errors import PackError
from advisor.library import load_library

RULE = """
id: our-own
status: stable
when: {kind: vram_oom}
then: [{remedy: bigger_gpu, support: 0.5}]
because: {en: "We have bigger cards.", zh: "我们有更大的卡。"}
wrong_when: {en: "There are none.", zh: "没有更大的卡。"}
sources: [pytorch-faq]
cases:
  - {name: out of memory, facts: {kind: vram_oom}, fires: true}
  - {name: no failure, facts: {kind: none}, fires: false}
"""


def test_a_conflict_names_both_places(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(RULE, encoding="utf-8")
    (tmp_path / "b.yaml").write_text(f"# the same again\n{RULE}", encoding="utf-8")
    with pytest.raises(PackError) as caught:
        load_library(rules=[tmp_path])
    said = str(caught.value)
    assert f"{tmp_path / 'b.yaml'}:" in said
    assert f"'our-own' is already in {tmp_path / 'a.yaml'}:" in said


def test_a_later_pack_replaces_and_is_no_conflict(tmp_path: Path) -> None:
    for name, support in (("one", "0.5"), ("two", "0.9")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "rule.yaml").write_text(RULE.replace("0.5", support), encoding="utf-8")
    library = load_library(rules=[tmp_path / "one", tmp_path / "two"])
    (rule,) = [rule for rule in library.rules if rule.id == "our-own"]
    assert rule.then[0].weight == 0.9
