"""Wishes of the text are kept like those of the options: nothing against them is advised, and the answer says so."""

from __future__ import annotations

import pytest

from advisor.diagnosis import Preferences, diagnose, examine
from advisor.diagnosis.why_not import why_not
from advisor.library import Library, load_library
from advisor.render.markdown import render_markdown
from advisor.render.slack.answer import render_slack
from advisor.render.text import render_text

RUN = "Full fine-tuning of Qwen2.5-7B on one A100-80GB, batch size 4, seq 4096: CUDA out of memory. Tried to allocate 2.00 GiB\n"


@pytest.fixture(scope="module")
def library() -> Library:
    return load_library()


@pytest.mark.parametrize(
    ("wish", "never"),
    [
        ("I can't use LoRA.", {"lora", "qlora"}),
        ("It must be full fine-tuning.", {"lora", "qlora"}),
        ("I don't want to reduce the batch size.", {"reduce_batch_size"}),
        ("I can't shorten the sequences.", {"reduce_seq_len"}),
        ("I can't buy more GPUs.", {"more_gpus", "bigger_gpu"}),
        ("I do not want to use any offload.", {"zero_offload", "zero3_offload", "cpu_offload"}),
        ("不想用 LoRA。", {"lora", "qlora"}),
        ("必须全参。", {"lora", "qlora"}),
        ("batch 不能再小。", {"reduce_batch_size"}),
    ],
)
def test_what_is_ruled_out_is_advised_nowhere(wish: str, never: set[str], library: Library) -> None:
    plain = examine(RUN, library=library)
    advised = {item.remedy.id for item in plain.outcome.ranked} | {
        step.remedy.id for plan in plain.outcome.plans for step in plan.steps
    }
    assert never & advised, "the case must advise it where nobody rules it out"
    case = examine(RUN + wish, library=library)
    steps = {step.remedy.id for plan in case.outcome.plans for step in plan.steps}
    assert not never & {item.remedy.id for item in case.outcome.ranked}
    assert not never & steps
    assert len(case.wishes) == 1
    assert case.wishes[0].line == 2


def test_the_options_and_the_text_hold_together(library: Library) -> None:
    case = examine(RUN + "I can't use LoRA.", library=library, preferences=Preferences(keep=("batch_size",)))
    ranked = {item.remedy.id for item in case.outcome.ranked}
    assert not ranked & {"lora", "qlora", "reduce_batch_size"}


@pytest.mark.parametrize(
    ("lang", "line"), [("en", "Respected: no LoRA (line 2)"), ("zh", "已遵从你的要求:不用 LoRA(第 2 行)")]
)
def test_every_output_says_what_was_respected(lang: str, line: str, library: Library) -> None:
    report = diagnose(RUN + "I can't use LoRA.", library=library, lang=lang)  # type: ignore[arg-type]
    assert line in render_text(report)
    assert "LoRA" in render_markdown(report)
    assert line in str(render_slack(report).blocks)
    assert report.as_json()["respected"][0]["id"] == "no_lora"
    assert report.as_json()["respected"][0]["line"] == 2


def test_nothing_is_said_where_nothing_is_ruled_out(library: Library) -> None:
    report = diagnose(RUN, library=library)
    assert "respected" not in report.as_json()
    assert "Respected" not in render_text(report)


def test_the_hardware_is_not_named_to_whom_it_is_no_use(library: Library) -> None:
    assert diagnose(RUN, library=library).hardware
    assert not diagnose(RUN + "I can't buy more GPUs.", library=library).hardware


@pytest.mark.parametrize(("lang", "said"), [("en", "rules it out"), ("zh", "文本不希望这样")])
def test_why_not_quotes_the_wish(lang: str, said: str, library: Library) -> None:
    answer = why_not("lora", RUN + "I can't use LoRA.", library=library, lang=lang)  # type: ignore[arg-type]
    assert any(said in line and "I can't use LoRA" in line for line in answer.lines)
