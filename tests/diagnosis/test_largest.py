"""The largest model, batch, length and number of users: each number fits, and the next one does not."""

from __future__ import annotations

from typing import Any

import pytest

from advisor.diagnosis import diagnose, examine
from advisor.library import Library, load_library
from advisor.plan.fit import best
from advisor.plan.outcome import need_gib, peak_gib
from advisor.render.markdown import render_markdown
from advisor.render.slack.answer import render_slack
from advisor.render.text import render_text
from advisor.report import Diagnosis, Largest, LargestRow

BATCH = "What is the largest batch size I can train Qwen2.5-1.5B with LoRA on a 3090, seq len 1024?"
LENGTH = "3090 跑 Qwen2.5-7B 上下文最长能开到多少?"
MODEL = "24G 显卡最大能跑多大的模型?"


@pytest.fixture(scope="module")
def library() -> Library:
    return load_library()


def _largest(text: str, library: Library) -> tuple[Diagnosis, Largest]:
    report = diagnose(text, library=library)
    assert len(report.largest) == 1
    return report, report.largest[0]


@pytest.mark.parametrize(("text", "fact"), [(BATCH, "batch_size"), (LENGTH, "seq_len")])
def test_the_number_fits_and_the_next_does_not(text: str, fact: str, library: Library) -> None:
    case = examine(text, library=library)
    _, found = _largest(text, library)
    assert found.fact == fact
    for row, given in zip(found.rows, found.given, strict=True):
        spec = {**case.specification.words, **given, **row.words}
        for value, measure in ((row.value, need_gib), (row.likely, peak_gib)):
            assert value is not None
            assert measure(case.estimated({**spec, fact: int(value)})) <= found.capacity_gib
            if not row.limited:
                assert measure(case.estimated({**spec, fact: int(value) + 1})) > found.capacity_gib


def test_it_is_what_the_command_fit_says(library: Library) -> None:
    case = examine(BATCH, library=library)
    _, found = _largest(BATCH, library)
    assert found.rows[0].words == {}
    fit = best({**case.specification.words, "batch_size": 1}, "batch_size", case.estimated, found.capacity_gib)
    assert found.rows[0].value == fit.value
    assert [row.words for row in found.rows[1:]] == [{"gradient_checkpointing": True}]


def test_models_by_method_and_width(library: Library) -> None:
    report, found = _largest(MODEL, library)
    assert found.fact == "params_b"
    values = {(row.words.get("method"), row.words.get("quantization")): row.value for row in found.rows}
    assert set(values) == {
        (None, None),
        (None, "8bit"),
        (None, "4bit"),
        ("full", None),
        ("lora", None),
        ("qlora", "nf4"),
    }
    sizes = {key: value or 0.0 for key, value in values.items()}
    assert sizes[None, None] < sizes[None, "8bit"] < sizes[None, "4bit"]
    assert sizes["full", None] < sizes["lora", None] < sizes["qlora", "nf4"]
    for row in found.rows:
        assert row.value is not None
        assert row.likely is not None
        assert row.value <= row.likely
        _fits(row, found, library)
    assert not report.remedies  # there is no run yet that could be changed
    assert not report.questions


def _fits(row: LargestRow, found: Largest, library: Library) -> None:
    """The size fits, a quarter more does not, and the example fits by its own architecture."""
    case = examine(MODEL, library=library)
    spec: dict[str, Any] = {**found.given[found.rows.index(row)], **row.words}
    assert need_gib(case.estimated({**spec, "params_b": row.value or 0.0})) <= found.capacity_gib
    assert need_gib(case.estimated({**spec, "params_b": 1.25 * (row.value or 0)})) > found.capacity_gib
    if row.example:
        assert need_gib(case.estimated({**spec, "model": row.example})) <= found.capacity_gib


def test_several_cards_hold_more(library: Library) -> None:
    _, one = _largest("What is the largest model I can fine-tune with LoRA on a 4090?", library)
    _, two = _largest("What is the largest model I can fine-tune with LoRA on 2 x 4090?", library)
    assert (two.rows[0].value or 0) > (one.rows[0].value or 0)
    assert "parallelism" in two.rows[0].words


def test_users_share_the_cache_of_a_server(library: Library) -> None:
    _, short = _largest("How many users can one L40S serve with Qwen2.5-7B in vLLM at 4k context?", library)
    _, long = _largest("How many users can one L40S serve with Qwen2.5-7B in vLLM at 16k context?", library)
    assert (short.rows[0].value or 0) == pytest.approx(4 * (long.rows[0].value or 0), abs=4)


def test_the_model_itself_has_a_limit(library: Library) -> None:
    _, found = _largest("what's the longest context for Qwen2.5-7B on an H100 with vllm?", library)
    assert all(row.limited and row.value == 131072 for row in found.rows)


def test_what_is_ruled_out_has_no_row(library: Library) -> None:
    _, found = _largest(f"{MODEL} 不能量化", library)
    assert all("quantization" not in row.words for row in found.rows)


def test_nothing_is_said_without_a_card(library: Library) -> None:
    assert not diagnose("What is the largest batch size I can use for Qwen2.5-7B?", library=library).largest


@pytest.mark.parametrize(
    ("text", "said", "heading"),
    [
        (BATCH, "The largest batch size on RTX 3090: ", "The largest that fits"),
        (MODEL, "这张卡最大能跑的模型:16 位推理 ", "最大能放下"),
    ],
)
def test_every_output_has_the_number(text: str, said: str, heading: str, library: Library) -> None:
    report, found = _largest(text, library)
    number = found.said(found.rows[0].value)
    assert report.verdict.startswith(said)
    assert number in report.verdict
    for width in (30, 80):
        assert number in render_text(report, width=width)
    assert heading in render_text(report)
    assert heading in render_markdown(report)
    assert heading in str(render_slack(report).blocks)
    data = report.as_json()["largest"][0]
    assert data["fact"] == found.fact
    assert [row["value"] for row in data["rows"]] == [row.value for row in found.rows]
    assert all("assumed" in row for row in data["rows"])
