"""The parts of the screen that need no screen: bars, commands, safe text, completion, scenarios and the way back."""

from __future__ import annotations

import doctest
import random
from types import ModuleType

import pytest

from advisor.facts import check_fact
from advisor.library import load_library
from advisor.report import Change
from advisor.tui import chart, command, safe
from advisor.tui.chart import bar, line_place
from advisor.tui.command import changed, command_of, written
from advisor.tui.keys import BINDINGS, COMMANDS
from advisor.tui.screens import edit_fact
from advisor.tui.screens.edit_fact import completions, matching
from advisor.tui.session import Session
from advisor.vocabulary import DESCRIBABLE
from advisor.wording import WORDS
from tests.tui.conftest import LOG
from tests.tui.fixed import TEXT, FixedSession


@pytest.mark.parametrize("module", [chart, command, safe, edit_fact])
def test_the_examples_in_the_docstrings_are_true(module: ModuleType) -> None:
    found = doctest.testmod(module)
    assert found.attempted
    assert not found.failed


def test_every_bar_is_as_wide_as_asked_and_has_the_line_in_one_place() -> None:
    source = random.Random(3)
    for _ in range(500):
        width = source.randrange(8, 160)
        capacity = source.uniform(1, 100)
        parts = [{name: source.uniform(0, 60) for name in ("weights", "logits", "kv_cache")} for _ in range(3)]
        ends = [(sum(one.values()) * 0.9, sum(one.values()) * 1.1) for one in parts]
        scale = max(capacity, *(high for _, high in ends))
        for one, interval in zip(parts, ends, strict=True):
            text = "".join(run.text for run in bar(one, list(one), interval, capacity, scale, width))
            assert len(text) == width
            assert text.index("┃") == line_place(capacity, scale, width)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$ python train.py --a 1\nstep 1", "python train.py --a 1"),
        ("(env) me@box:~/run$ torchrun train.py --a 1 \\\n  --b 2 \\\n\nnext", "torchrun train.py --a 1 \\\n  --b 2"),
        ("CUDA_VISIBLE_DEVICES=0 swift sft --a 1", "CUDA_VISIBLE_DEVICES=0 swift sft --a 1"),
        ("python x.py --a 1\nvllm serve m --b 1 --c 2", "vllm serve m --b 1 --c 2"),
        ("We run python and it dies -- why?\nloss 1.0", ""),
        ("", ""),
    ],
)
def test_the_command_of_a_text_is_found(text: str, expected: str) -> None:
    assert command_of(text) == expected


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ("train --bs 4 --x", Change("f", "--bs 2"), "train --bs 2 --x"),
        ("train --bs=4 --x", Change("f", "--bs 2"), "train --bs=2 --x"),
        ("train --batch-size 4", Change("f", "--batch_size 2"), "train --batch-size 2"),
        ("train --m q k v --x", Change("f", "--m q"), "train --m q --x"),
        ("train \\\n  --bs 4 \\\n  --x 1", Change("f", "--bs 2"), "train \\\n  --bs 2 \\\n  --x 1"),
        ("train \\\n  --x 1", Change("f", "--gc"), "train \\\n  --x 1 \\\n    --gc"),
        ("train a.b=4 c=1", Change("f", "a.b=2"), "train a.b=2 c=1"),
        ("train --gc false", Change("f", "gc=True", "python"), "train --gc True"),
        ("train --gc false", Change("f", "gc: true", "yaml"), "train --gc true"),
        ("train --gc false --x", Change("f", "--gc"), "train --gc true --x"),
        ("train --gc --x", Change("f", "--gc"), "train --gc --x"),
        ("train --x -1 --y 2", Change("f", "--x -2"), "train --x -2 --y 2"),
    ],
)
def test_a_change_is_written_into_its_command(before: str, change: Change, after: str) -> None:
    assert changed(before, [change]).command == after


def test_what_no_command_can_hold_stands_below_it_with_its_title() -> None:
    changes = [("Smaller batch", [Change("f", "--bs 1")]), ("Code", [Change("f", "model.f(x=1)\nmodel.g()", "python")])]
    assert written(changes, "$ python t.py --bs 2\n") == "python t.py --bs 1\n\n# Code\nmodel.f(x=1)\nmodel.g()"
    assert written(changes[:1], "no command here") == "# Smaller batch\n--bs 1"


def test_random_text_never_breaks_the_command_reader() -> None:
    source = random.Random(5)
    letters = "python --a=b -c \\\n\"'$#+ {}[];é显\r\x0b\xa0"
    for _ in range(300):
        text = "python x " + "".join(source.choice(letters) for _ in range(source.randrange(200)))
        written([("t", [Change("f", "--a 1 --zz 2")])], text)


def test_completion_knows_all_models() -> None:
    values = completions("model", load_library())
    assert len(values) > 600
    assert "Qwen2.5-7B" in matching("qwen2.5 7b", values)


def test_completions_are_values_that_the_fact_can_have() -> None:
    library = load_library()
    for fact in DESCRIBABLE:
        for value in completions(fact, library)[:50]:
            check_fact(fact, value)


def test_every_word_of_the_screen_exists_in_both_languages() -> None:
    keys = {f"tui.key.{key}" for _, key in COMMANDS} | {label for _, _, label, show, _ in BINDINGS if show}
    assert keys <= set(WORDS)
    for key, pair in WORDS.items():
        if key.startswith("tui."):
            assert all(text.strip() for text in pair), key


def test_undo_goes_back_through_facts_switches_and_settings() -> None:
    session = FixedSession(None, "en")
    session.text = TEXT
    session.diagnose()
    states = [session.state]
    session.toggle("smaller_batch")
    states.append(session.state)
    assert session.strengthen("smaller_batch", -1)
    states.append(session.state)
    assert not session.strengthen("smaller_batch", -1)
    session.set_fact("optimizer", "sgd")
    while session.undo():
        assert session.state == states.pop()
    assert not states
    assert session.chosen == ()


def test_a_setting_counts_from_what_is_on_already() -> None:
    session = FixedSession(None, "en")
    session.text = TEXT
    session.diagnose()
    session.toggle("quantise")
    session.toggle("smaller_batch")
    assert session.now is not None
    beside = session.now.words["batch_size"]
    session.reset()
    session.toggle("smaller_batch")
    alone = session.now.words["batch_size"]
    assert (beside, alone) == (2, 1)  # the mildest that fits beside the smaller weights; alone it takes more


def test_what_a_later_text_says_is_not_overwritten_by_an_earlier_worker() -> None:
    session = Session()
    session.text = LOG.read_text(encoding="utf-8")
    step = session.work()
    session.text = "another text"
    assert not session.take(step())
    assert session.report is None
