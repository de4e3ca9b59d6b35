"""A diagnosis as a message: what it shows, in which order, in both languages, and what happens to what is too long."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace

from advisor.diagnosis import diagnose
from advisor.render.slack import (
    REPORT_NAME,
    Applied,
    Controls,
    alt_text,
    attachment,
    case_of,
    picture,
    render_slack,
    why_view,
)
from advisor.render.slack.blocks import MAX_CHARACTERS, weight
from advisor.render.slack.memory import bars
from advisor.report import Diagnosis, EditReport, Unwritten
from bots.slack.blockkit import faults, view_faults

TRAINING = (
    "LoRA on Qwen2.5-7B with one RTX 4090\n$ torchrun train.py --model_name_or_path Qwen/Qwen2.5-7B --bf16 true --use_peft --lora_r 16 "
    "--per_device_train_batch_size 4 --max_seq_length 2048\ntorch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.32 GiB. GPU 0 "
    "has a total capacity of 23.64 GiB of which 1.10 GiB is free."
)
CHINESE = "单卡 RTX 3090 用 LoRA 微调 Qwen2.5-7B,batch size 8,长度 4096,报错 CUDA out of memory,怎么办?"
TEXTS = {
    "training": TRAINING,
    "chinese": CHINESE,
    "question": "Does full fine-tuning of Llama-3.1-8B fit on one A100-80GB?",
    "unknown": "CUDA out of memory",
    "host": "DataLoader worker (pid 42) is killed by signal: Bus error. It is possible that dataloader's workers are out of shared memory.",
    "nothing": "all good here",
}


@pytest.fixture(scope="module")
def training() -> Diagnosis:
    return diagnose(TRAINING)


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["text"]] if isinstance(value.get("text"), str) else []
        return [*own, *(text for each in value.values() if isinstance(each, dict | list) for text in _texts(each))]
    return [text for each in value for text in _texts(each)] if isinstance(value, list) else []


def _words(value: Any) -> str:
    return " ".join(_texts(value))


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("private", [True, False])
def test_every_kind_of_answer_is_a_valid_message(name: str, private: bool) -> None:
    d = diagnose(TEXTS[name])
    message = render_slack(d, controls=Controls("case-1", private=private, share=private))
    assert faults(message.body()) == []
    assert d.verdict.split(".")[0].split("。")[0] in " ".join(_words(message.blocks).split())
    for remedy in d.remedies:
        assert view_faults(why_view(d, remedy.id)) == []


def test_it_says_in_order_what_a_tired_person_wants_to_know(training: Diagnosis) -> None:
    words = _words(render_slack(training, controls=Controls("c", private=True, share=True)).blocks)
    marks = [
        "The GPU ran out of memory", "Where the memory goes", "Why", "What to change, best first", "The smallest set of changes that fits",
        "What would make this surer", "Tick changes", "It worked", "Share with the channel", "Only you see this.",
    ]  # fmt: skip
    places = [words.index(mark) for mark in marks]
    assert places == sorted(places)


def test_chinese_answers_have_no_english_headings() -> None:
    words = _words(render_slack(diagnose(CHINESE), controls=Controls("c", private=True, share=True)).blocks)
    for mark in ("显存去向", "原因", "建议的改动", "节省", "有用", "没用", "分享到频道", "只有你能看到"):
        assert mark in words
    for mark in ("Where the memory", "saves ", "It worked", "Only you"):
        assert mark not in words


def test_the_bars_are_to_one_scale_and_the_names_stand_last(training: Diagnosis) -> None:
    estimate = training.estimate
    assert estimate is not None
    lines = bars(estimate, "RTX 4090", "en").split("\n")
    rows = [line for line in lines if not line.startswith("─")]
    assert all(line[32] == " " != line[33] for line in rows)
    lengths = {line[33:].split(" ")[0]: line.count("█") for line in rows}
    assert lengths["needed"] == max(lengths.values())
    assert lengths["RTX"] == round(lengths["needed"] * 23.64 / estimate.need_gib)
    assert rows[-1].endswith("RTX 4090, usable")
    with_after = bars(estimate, "RTX 4090", "en", (19.2, 16.0, 22.0))
    assert "with the changes (16.0 GiB ~ 22.0 GiB)" in with_after


def test_the_persons_own_command_is_shown_with_the_changes(training: Diagnosis) -> None:
    code = training.remedies[1].changes[:1]
    edit = EditReport(
        ("a", "b"), ("A", "B"), blocks=("torchrun train.py --batch 1",), rest=(Unwritten("b", "B", code),)
    )
    blocks = render_slack(training, edit=edit).blocks
    shown = [
        part["elements"][0]["text"]
        for block in blocks
        for part in block.get("elements", ())
        if part["type"] == "rich_text_preformatted"
    ]
    assert "torchrun train.py --batch 1" in shown
    assert code[0].text in shown


def test_what_is_ticked_replaces_the_plan(training: Diagnosis) -> None:
    applied = Applied(("qlora",), ("QLoRA",), (12.0, 10.0, 14.0), True, 1.3, notes=("a note",))
    message = render_slack(training, controls=Controls("c"), applied=applied)
    words = _words(message.blocks)
    assert "With what is ticked" in words
    assert "it fits ✓" in words
    assert "step time x1.30" in words
    assert "a note" in words
    assert "The smallest set of changes" not in words


def test_what_is_too_long_goes_into_a_file(training: Diagnosis) -> None:
    long = replace(training, remedies=tuple(replace(r, because="because " * 200) for r in training.remedies))
    with_file = render_slack(long, controls=Controls("c"), attach=True)
    assert [file.name for file in with_file.files] == [REPORT_NAME]
    assert "because because" in with_file.files[0].content
    assert "in the file below" in _words(with_file.blocks)
    without = render_slack(long, controls=Controls("c"))
    assert without.files == ()
    assert "in the full report" in _words(without.blocks)
    assert faults(with_file.body()) == []
    assert render_slack(training, controls=Controls("c"), attach=True).files == ()


def test_the_least_important_gives_way_first(training: Diagnosis) -> None:
    long = replace(
        training,
        verdict="v" * 3000,
        hardware="h" * 3000,
        causes=tuple(replace(c, because="因" * 3000) for c in training.causes),
        questions=tuple(replace(q, text="问" * 3000) for q in training.questions) * 5,
        remedies=tuple(
            replace(r, title="改" * 300, because="因" * 3000, changes=r.changes * 6) for r in training.remedies
        )
        * 3,
    )
    message = render_slack(long, controls=Controls("c", private=True, share=True))
    assert weight(message.blocks) <= MAX_CHARACTERS
    assert faults(message.body()) == []
    words = _words(message.blocks)
    assert "vvv" in words
    assert "Where the memory goes" in words


def test_nothing_is_parsed_or_unfurled(training: Diagnosis) -> None:
    body = render_slack(training).body()
    assert (body["unfurl_links"], body["unfurl_media"], body["parse"], body["mrkdwn"]) == (False, False, "none", False)
    assert "link_names" not in body


def test_a_case_comes_back_from_the_ids_of_its_blocks(training: Diagnosis) -> None:
    message = render_slack(training, controls=Controls("aB3_-x"))
    ids = [block["block_id"] for block in message.blocks if "block_id" in block]
    assert {case_of(each) for each in ids} == {"aB3_-x"}
    assert len(ids) == len(set(ids))
    for bad in ("", "a b", "a:b", "x" * 101, "é"):
        with pytest.raises(ValueError, match="not an id"):
            render_slack(training, controls=Controls(bad))


def test_the_reasons_go_back_to_lines_of_the_text(training: Diagnosis) -> None:
    words = _words(why_view(training, "reduce_batch_size")["blocks"])
    assert "Rule " in words
    assert "Sources" in words
    assert "per_device_train_batch_size 4" in words
    assert "line 2" in words
    assert words.count("task = train") == 1
    assert "Nothing in the text" in _words(why_view(training, "no-such-remedy")["blocks"])


def test_the_picture_is_an_svg_with_words_for_those_who_do_not_see_it(training: Diagnosis) -> None:
    estimate = training.estimate
    assert estimate is not None
    hostile = "<b>&\x00\u202e" + "x" * 300
    root = ElementTree.fromstring(picture(estimate, hostile, "en"))
    assert root.tag.endswith("svg")
    words = alt_text(estimate, "en")
    assert "activations" in words
    assert "the card has 23.6 GiB" in words
    assert "激活值" in picture(diagnose(CHINESE).estimate or estimate, "RTX 3090", "zh")


def test_the_whole_report_has_all_remedies_and_the_trace(training: Diagnosis) -> None:
    content = attachment(training).content
    assert all(remedy.title in content for remedy in training.remedies)
    assert "How this was concluded" in content
