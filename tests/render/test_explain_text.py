"""What stands behind an estimate, in words: tensors by layer, and causes of doubt."""

from __future__ import annotations

from io import StringIO

from click.testing import CliRunner

from advisor.cli import cli
from advisor.estimate.interval import SHARES
from advisor.render.explain_text import _CAUSES, causes, render_explanation
from advisor.vocabulary import VOCABULARY


def test_every_cause_has_words_or_is_one_of_the_vocabulary() -> None:
    assert [name for name in SHARES if name not in _CAUSES and name not in VOCABULARY] == []


def test_causes_come_by_size_and_words_that_were_not_stated_together() -> None:
    doubts = {"releases": 0.03, "mask": 0.03, "program": 0.04, "seq_len": 0.2, "unsplit_blocks": 0.005}
    assert causes(doubts, "en") == [
        "the program was not named 4 %",
        "releases of PyTorch and Transformers 3 %",
        "not stated: seq_len 20 %, mask 3 %",
    ]
    assert causes(doubts, "zh")[-1] == "未说明:seq_len 20 %, mask 3 %"


def test_nothing_to_explain_prints_nothing() -> None:
    file = StringIO()
    render_explanation([], {}, lang="en", file=file)
    assert file.getvalue() == ""


def test_an_explained_estimate_shows_its_tensors_and_its_doubts() -> None:
    words = [
        "--model",
        "Llama-3.1-8B",
        "--method",
        "full",
        "--batch-size",
        "1",
        "--seq-len",
        "1024",
        "--gradient-checkpointing",
    ]
    shown = CliRunner().invoke(cli, ["estimate", *words, "--explain"])
    assert shown.exit_code == 0, shown.output
    assert "text: 32 layers * 1024 tokens * (1 * 4096 * 2 B)" in shown.output
    assert "The interval's width comes from:" in shown.output
    assert "Kept for" not in CliRunner().invoke(cli, ["estimate", *words]).output
