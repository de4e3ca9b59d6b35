"""Hostile texts in a diagnosis: the message and the view of reasons stay within Slack's limits, and nothing in them takes effect."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.render.slack.inert import clean, code, fallback, prose, size
from bots.slack.blockkit import faults, unsafe

FUZZ = Path(__file__).parents[3] / "benchmarks" / "fuzz_slack.py"


@pytest.fixture(scope="module")
def fuzz() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz_slack", FUZZ)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def known(fuzz: ModuleType) -> list[object]:
    return list(fuzz.bases())


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_hostile_diagnoses_stay_within_the_limits_and_inert(fuzz: ModuleType, known: list[object], seed: int) -> None:
    for base in known:
        assert fuzz.check(random.Random(seed), base) == []


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=400), limit=st.integers(8, 200))
def test_text_is_cut_and_cleaned_once_and_for_all(text: str, limit: int) -> None:
    for made in (prose(text, limit), code(text, limit)):
        assert 0 < size(made) <= limit
        assert clean(made, lines=True) == made


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<!channel> look", "‹!channel> look"),
        ("<@U0123ABC>", "‹@U0123ABC>"),
        ("<https://example.com|click>", "‹https: //example.com|click>"),
        ("batch < 4", "batch < 4"),
        ("\u202eabc\u200b", "abc"),
        ("a" + "\u0301" * 9, "a" + "\u0301" * 3),
        ("\u3164", "-"),
    ],
)
def test_prose_shows_what_was_written_without_its_effect(text: str, shown: str) -> None:
    assert prose(text, 100) == shown


def test_code_keeps_what_is_to_be_copied() -> None:
    text = 'if x < 3:\n    print("<!channel>", `a`)'
    assert code(text, 100) == text


@pytest.mark.parametrize("text", ["<!here> & <@U1>", "*a* ~b~ `c`", "&lt;!channel&gt;", "> quote"])
def test_the_fallback_is_escaped(text: str) -> None:
    body = {"text": fallback(text), "blocks": []}
    assert unsafe(body, (), ()) == []


def test_the_checks_see_what_they_are_for() -> None:
    mrkdwn = {"type": "section", "text": {"type": "mrkdwn", "text": "<!channel>"}}
    ping = {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": [{"type": "broadcast", "range": "channel"}]}],
    }
    raw = {"type": "context", "elements": [{"type": "plain_text", "text": "<!here>", "emoji": False}]}
    for block in (mrkdwn, ping, raw):
        assert unsafe({"text": "x", "blocks": [block]}, (), ())
    assert unsafe({"text": "<!channel>", "blocks": []}, (), ())
    assert unsafe({"text": "x", "blocks": [], "link_names": True}, (), ())


@pytest.mark.parametrize(
    ("blocks", "fault"),
    [
        ([{"type": "divider"}] * 51, "51"),
        ([{"type": "divider", "block_id": "a"}] * 2, "twice"),
        ([{"type": "header", "text": {"type": "plain_text", "text": "x" * 151, "emoji": False}}], "150"),
        ([{"type": "context", "elements": [{"type": "plain_text", "text": "", "emoji": False}]}], "empty"),
        (
            [{"type": "context", "elements": [{"type": "plain_text", "text": "x" * 1200, "emoji": False}] * 10}] * 2,
            "in all",
        ),
        ([{"type": "table", "rows": []}] * 2, "two tables"),
    ],
)
def test_blocks_beyond_a_limit_are_found(blocks: list[dict[str, object]], fault: str) -> None:
    assert any(fault in each for each in faults({"text": "x", "blocks": blocks}))
    assert faults({"text": "x", "blocks": [{"type": "divider"}]}) == []
    assert "no fallback text" in faults({"text": " ", "blocks": [{"type": "divider"}]})
