"""Commands in a thread: who is heard, where a command may stand, what its values may be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.github.commands import Said, asks_again, has_command, may_command, orders
from bots.github.text import written


def by(body: str, author: str = "reporter", association: str = "NONE") -> Said:
    return Said(body, author, association)


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        (by("x"), True),
        (by("x", "someone", "OWNER"), True),
        (by("x", "someone", "MEMBER"), True),
        (by("x", "someone", "COLLABORATOR"), True),
        (by("x", "someone", "CONTRIBUTOR"), False),
        (by("x", "someone", "FIRST_TIME_CONTRIBUTOR"), False),
        (by("x", "someone", ""), False),
        (by("x", "", "NONE"), False),
    ],
)
def test_who_may_command(said: Said, heard: bool) -> None:
    assert may_command(said, "reporter") is heard


def test_an_account_that_was_deleted_is_nobody() -> None:
    assert not may_command(by("x", ""), "")


def test_values_go_on_to_the_next_name() -> None:
    told = orders([by('/advisor gpu=RTX 3090 batch-size=4, model="Qwen 2.5 7B" gpus = 2 lang=zh')], "reporter")
    assert told.facts == {"gpu_name": "RTX 3090", "batch_size": 4, "model": "Qwen 2.5 7B", "gpu_count": 2}
    assert told.lang == "zh"
    assert told.faults == ()


def test_the_last_word_wins() -> None:
    thread = [
        by("/advisor batch_size=4"),
        by("/advisor batch_size=8", "m", "OWNER"),
        by("/advisor ignore"),
        by("/advisor recheck"),
    ]
    told = orders(thread, "reporter")
    assert (told.facts, told.ignore) == ({"batch_size": 8}, False)
    assert orders(thread[:3], "reporter").ignore


@pytest.mark.parametrize(
    "body",
    [
        "> /advisor ignore",
        "```\n/advisor ignore\n```",
        "~~~~\n```\n/advisor ignore\n~~~~",
        "    /advisor ignore",
        "see /advisor ignore",
        "<!-- \n/advisor ignore\n-->",
        "/advisors ignore",
        "`/advisor ignore`",
    ],
)
def test_quoted_and_mentioned_commands_are_none(body: str) -> None:
    assert not has_command(body)
    assert not orders([by(body)], "reporter").ignore


def test_what_is_not_understood_is_said() -> None:
    told = orders(
        [by("/advisor\n/advisor help me\n/advisor gpuname=x tried_to_allocate_gib=3 batch_size=-1")], "reporter"
    )
    assert [what for what, _ in told.faults] == [
        "/advisor",
        "help me",
        "gpuname=x",
        "tried_to_allocate_gib=3",
        "batch_size=-1",
    ]
    assert "gpu_name" in dict(told.faults)["gpuname=x"]
    assert told.facts == {}


def test_asking_again() -> None:
    assert asks_again(by("/advisor recheck"), "reporter")
    assert not asks_again(by("/advisor recheck", "someone"), "reporter")
    assert not asks_again(by("recheck"), "reporter")


@given(st.text(max_size=300))
def test_any_text_is_taken(text: str) -> None:
    told = orders([by("/advisor " + text), by(text)], "reporter")
    assert len(told.faults) <= 5
    assert "/advisor" not in written("/advisor " + text).split("\n")[0]


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ("<!-- CUDA out of memory -->\nhello", "\nhello"),
        ("a <!-- x --> b <!-- y\n z --> c", "a  b \n c"),
        ("- [ ] CUDA out of memory\n* [x] read the FAQ\ntext", "\n\ntext"),
        ("### Log\n\n_No response_", "### Log\n\n"),
        ("```\n- [ ] kept\n<!-- kept -->\n```", "```\n- [ ] kept\n<!-- kept -->\n```"),
        ("/advisor ignore\ntext", "\ntext"),
    ],
)
def test_templates_are_taken_out_and_lines_keep_their_place(body: str, left: str) -> None:
    assert written(body) == left
    assert written(body.replace("\n", "\r\n")) == left


def test_quotes_of_others_are_taken_out_of_comments() -> None:
    assert written("> CUDA out of memory\nme too", quotes=False) == "\nme too"
    assert written("> CUDA out of memory") == "> CUDA out of memory"
