"""Every framework file reads into its record, its words exist, its family chain ends, and its markers mean one program."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest

from advisor.facts import check_fact
from advisor.library import Library, load_library
from advisor.records import Framework
from advisor.resources import data_folder
from advisor.vocabulary import VOCABULARY

TESTS = {"equals", "contains", "gt", "present"}
_NEEDED = """
transformers trl peft accelerate deepspeed llama-factory xtuner axolotl ms-swift unsloth verl openrlhf vlm-r1 gr00t
minicpm-v nanovlm diffusers kohya lightning megatron nemo detectron2 mmdetection ultralytics nnunet comfyui
stable-diffusion-webui musubi-tuner faster-whisper exllamav2 torchtune colossalai litgpt pytorch llava openvla openpi
lerobot ai-toolkit mmengine vllm sglang tgi tensorrt-llm llama.cpp ollama text-generation-webui whisper jax tensorflow
paddle mindspore
"""
NEEDED = frozenset(_NEEDED.split())
FILES = sorted((data_folder("knowledge") / "frameworks").glob("*.yaml"))


@pytest.fixture(scope="module")
def library() -> Library:
    return load_library(use_cache=False)


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def framework(request: pytest.FixtureRequest, library: Library) -> Framework:
    return library.frameworks[request.param.stem]


def test_every_framework_of_the_contract_is_there(library: Library) -> None:
    assert not NEEDED - library.frameworks.keys()


def test_the_file_is_named_by_its_id(framework: Framework) -> None:
    assert Path(framework.path).stem == framework.id
    assert framework.names
    assert framework.tasks
    assert set(framework.tasks) <= {"train", "inference"}


def test_every_word_is_a_fact(framework: Framework) -> None:
    implied = {name for entry in framework.implies for name in entry["set"]}
    assert (
        not (framework.keys.keys() | framework.values.keys() | framework.defaults.keys() | implied) - VOCABULARY.keys()
    )


def test_every_value_can_be_that_fact(framework: Framework) -> None:
    for name, table in framework.values.items():
        for value in table.values():
            check_fact(name, value)
    for name, value in framework.defaults.items():
        check_fact(name, value)
    for entry in framework.implies:
        for name, value in entry["set"].items():
            check_fact(name, value.replace("{value}", "2") if isinstance(value, str) else value)


def test_every_implication_has_one_test(framework: Framework) -> None:
    for entry in framework.implies:
        assert entry.keys() - {"key", "set"} <= TESTS
        assert len(entry.keys() & TESTS) == 1
        assert re.fullmatch(r"[A-Za-z][\w.]*", entry["key"])
        assert entry["set"]


def test_spellings_are_bare_keys(framework: Framework) -> None:
    for name, spellings in framework.keys.items():
        assert spellings, name
        assert len(set(spellings)) == len(spellings), name
        for spelling in spellings:
            assert re.fullmatch(r"[A-Za-z_][\w.]*", spelling), spelling


def test_one_spelling_means_one_fact(framework: Framework) -> None:
    owners: dict[str, set[str]] = defaultdict(set)
    for name, spellings in framework.keys.items():
        for spelling in spellings:
            owners[spelling].add(name)
    assert not {spelling: names for spelling, names in owners.items() if len(names) > 1}


def test_the_family_chain_ends(framework: Framework, library: Library) -> None:
    seen: list[str] = []
    name = framework.id
    while name:
        assert name not in seen, seen
        assert name in library.frameworks, name
        seen.append(name)
        name = library.frameworks[name].family


def test_claims_have_a_source(framework: Framework) -> None:
    assert framework.sources.get("keys", "").startswith("https://")
    if framework.defaults:
        assert framework.sources.get("defaults", "").startswith("https://")


def test_values_are_lower_case_for_comparison(framework: Framework) -> None:
    for name, table in framework.values.items():
        for written in table:
            assert str(written) == str(written).lower(), (name, written)


def test_a_name_means_one_framework(library: Library) -> None:
    owners: dict[str, set[str]] = defaultdict(set)
    for framework in library.frameworks.values():
        for name in framework.names:
            owners[name.lower()].add(framework.id)
    assert not {name: ids for name, ids in owners.items() if len(ids) > 1}


def test_a_marker_means_one_framework(library: Library) -> None:
    owners: dict[str, set[str]] = defaultdict(set)
    for framework in library.frameworks.values():
        for marker in framework.markers:
            assert len(marker) >= 4, (framework.id, marker)
            owners[marker.lower()].add(framework.id)
    assert not {marker: ids for marker, ids in owners.items() if len(ids) > 1}


@pytest.mark.parametrize(
    ("framework", "fact", "value"),
    [
        ("transformers", "batch_size", 8),
        ("transformers", "gradient_checkpointing", False),
        ("llama-factory", "gradient_checkpointing", True),
        ("trl", "num_generations", 8),
        ("gr00t", "batch_size", 16),
        ("ultralytics", "batch_size", 16),
        ("jax", "gpu_memory_utilization", 0.75),
    ],
)
def test_defaults_that_others_build_on(library: Library, framework: str, fact: str, value: object) -> None:
    for name in library.lineage(framework):
        defaults = library.frameworks[name].defaults
        if fact in defaults:
            assert defaults[fact] == value
            return
    pytest.fail(f"{framework} has no default of {fact}")
