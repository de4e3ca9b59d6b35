"""The parts of the screen that need no screen: bars, commands, safe text, completion, scenarios and the way back."""

from __future__ import annotations

import doctest
import random
from types import ModuleType

import pytest

from advisor.facts import check_fact
from advisor.library import load_library
from advisor.tui import chart, safe
from advisor.tui.chart import bar, line_place
from advisor.tui.keys import BINDINGS, COMMANDS
from advisor.tui.screens import edit_fact
from advisor.tui.screens.edit_fact import completions, matching
from advisor.tui.session import Session
from advisor.vocabulary import DESCRIBABLE
from advisor.wording import WORDS
from tests.tui.conftest import LOG
from tests.tui.fixed import TEXT, FixedSession


@pytest.mark.parametrize("module", [chart, safe, edit_fact])
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
