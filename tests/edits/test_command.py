"""Commands: the options and where a new one goes."""

from __future__ import annotations

import pytest

from advisor.edits.blocks import blocks_of
from advisor.edits.command import COMMAND


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$ python t.py --a 1", "python t.py --a 1"),
        ("(env) user@host:~/x$ torchrun t.py \\\n  --a 1 \\\n  --b\nTraceback", "torchrun t.py \\\n  --a 1 \\\n  --b"),
        ("CUDA_VISIBLE_DEVICES=0 python t.py --a 1", "CUDA_VISIBLE_DEVICES=0 python t.py --a 1"),
        ("+ deepspeed t.py --a=1 > log", "deepspeed t.py --a=1 > log"),
        ("> vllm serve m --a 1\n> OOM", "vllm serve m --a 1"),
        ("--a 1\n--b 2", "--a 1\n--b 2"),
    ],
)
def test_a_command_is_found_without_prompt_and_quotation(text: str, expected: str) -> None:
    assert [block.text for block in blocks_of(text.split("\n"), lambda key: True)] == [expected]


@pytest.mark.parametrize(
    "text", ["RuntimeError: CUDA out of memory", "python is slow here", "I use --flags a lot: why?", ""]
)
def test_sentences_are_no_commands(text: str) -> None:
    assert not [block for block in blocks_of(text.split("\n"), lambda key: True) if block.kind == "command"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("train.py --x 1", "train.py --x 1 --bs 2"),
        ("train.py --x 1 > log 2>&1 &", "train.py --x 1 --bs 2 > log 2>&1 &"),
        ("train.py --x=1 --y=2", "train.py --x=1 --y=2 --bs=2"),
        ("train.py \\\n  --x 1", "train.py \\\n  --x 1 \\\n  --bs 2"),
        ("train.py \\\n  --x 1 \\\n  2>&1 | tee log", "train.py \\\n  --x 1 \\\n  --bs 2 \\\n  2>&1 | tee log"),
        ("train.py `\n  --x 1", "train.py `\n  --x 1 `\n  --bs 2"),
    ],
)
def test_an_option_goes_behind_the_others(before: str, after: str) -> None:
    assert COMMAND.added(before, ["bs"], 2, None) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("t.py --bs 4 --x", "t.py --bs 2 --x"),
        ("t.py --bs=4 --x", "t.py --bs=2 --x"),
        ('t.py --bs="4"', 't.py --bs="2"'),
        ("t.py bs=4 x=1", "t.py bs=2 x=1"),
        ("t.py --bs 4 4 --x", "t.py --bs 2 --x"),
    ],
)
def test_a_value_is_changed_in_its_place(before: str, after: str) -> None:
    entry = next(item for item in COMMAND.entries(before) if item.path == "bs")
    assert COMMAND.changed(before, entry, 2) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("t.py --bs 4 --x", "t.py --x"),
        ("t.py --x --bs 4", "t.py --x"),
        ("t.py \\\n  --bs 4 \\\n  --x", "t.py \\\n  --x"),
        ("t.py \\\n  --x \\\n  --bs 4", "t.py \\\n  --x"),
    ],
)
def test_an_option_goes_with_its_continuation(before: str, after: str) -> None:
    entry = next(item for item in COMMAND.entries(before) if item.path == "bs")
    assert COMMAND.removed(before, entry) == after
