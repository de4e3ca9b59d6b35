"""The five projects: a log or description in English and in Chinese leads to that project's advice, in its own switches."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from advisor.diagnosis import default_library, diagnose
from advisor.report import Diagnosis

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Expected:
    """What a project's document advises: remedies with a piece of the project's own switch."""

    framework: str
    source: str
    switches: dict[str, str]


PROJECTS = {
    "gr00t": Expected(
        "gr00t", "gr00t", {"freeze_components": "tune-visual", "lora": "lora-rank", "reduce_batch_size": "batch-size"}
    ),
    "omnilmm": Expected(
        "minicpm-v",
        "omnilmm",
        {"lora": "use_lora", "zero3": "ds_config_zero3.json", "reduce_image_tokens": "max_slice_nums"},
    ),
    "vlm-r1": Expected(
        "vlm-r1",
        "vlm-r1",
        {
            "gradient_checkpointing": "gradient_checkpointing",
            "reduce_num_generations": "num_generations",
            "zero3": "zero3",
        },
    ),
    "xtuner-llava": Expected(
        "xtuner",
        "xtuner-llava",
        {
            "lora": "finetune_lora",
            "zero3_offload": "deepspeed_zero3_offload",
            "gradient_accumulation": "accumulative_counts",
        },
    ),
    "nanovlm": Expected("nanovlm", "nanovlm", {"reduce_seq_len": "lm_max_length", "reduce_batch_size": "batch_size"}),
}
FILES = sorted(path.name for path in HERE.iterdir() if path.suffix in (".log", ".txt"))


@cache
def diagnosed(name: str) -> Diagnosis:
    return diagnose((HERE / name).read_text(encoding="utf-8"))


def test_every_project_is_there_in_both_languages() -> None:
    assert {name.split(".")[0] for name in FILES} == set(PROJECTS)
    assert all(len([name for name in FILES if name.startswith(f"{project}.")]) == 2 for project in PROJECTS)


@pytest.mark.parametrize("name", FILES)
def test_it_is_recognised_and_answered_in_its_language(name: str) -> None:
    found = diagnosed(name)
    project, lang = name.split(".")[:2]
    assert found.lang == lang
    assert found.failure.kind == "vram_oom"
    assert found.facts["framework"] == PROJECTS[project].framework
    assert found.facts["task"] == "train"


@pytest.mark.parametrize("name", FILES)
def test_the_documents_advice_comes_with_the_projects_switches(name: str) -> None:
    found, expected = diagnosed(name), PROJECTS[name.split(".")[0]]
    advised = {remedy.id: remedy for remedy in found.remedies}
    assert set(expected.switches) <= set(advised), f"advised: {list(advised)}"
    for remedy, switch in expected.switches.items():
        texts = " ".join(change.text for change in advised[remedy].changes)
        assert switch in texts, f"{remedy}: {texts}"
    assert any(expected.source in remedy.sources for remedy in found.remedies[:6])


@pytest.mark.parametrize("name", FILES)
def test_it_is_estimated_and_the_card_is_too_small(name: str) -> None:
    found = diagnosed(name)
    assert found.estimate is not None
    assert found.estimate.capacity_gib is not None
    assert found.estimate.high_gib > found.estimate.capacity_gib * 0.9


@pytest.mark.parametrize("name", FILES)
def test_chinese_answers_are_chinese(name: str) -> None:
    found = diagnosed(name)
    titles = "".join(remedy.title for remedy in found.remedies)
    has_han = any("\u4e00" <= char <= "\u9fff" for char in titles + found.verdict)
    assert has_han == (found.lang == "zh")


@pytest.mark.parametrize("source", [expected.source for expected in PROJECTS.values()])
def test_each_document_is_quoted_by_at_least_three_rules(source: str) -> None:
    quoting = [rule.id for rule in default_library().rules if source in rule.sources]
    assert len(quoting) >= 3
