"""The validators: the built-in packs are clean, and each fault is found in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor.library import load_library
from advisor.lint import check_library, validators

GOOD = {
    "id": "id: my-rule",
    "status": "status: stable",
    "when": "when:\n  kind: vram_oom\n  batch_size: {gt: 8}",
    "then": "then:\n  - {remedy: reduce_batch_size, support: 0.4}",
    "because": 'because: {en: "Batch {batch_size}.", zh: "batch {batch_size} 过大。"}',
    "wrong_when": 'wrong_when: {en: "Never.", zh: "从不。"}',
    "sources": "sources: [nanovlm]",
    "cases": (
        "cases:\n"
        "  - {name: large, facts: {kind: vram_oom, batch_size: 16}, fires: true}\n"
        "  - {name: small, facts: {kind: vram_oom, batch_size: 8}, fires: false}"
    ),
}


def faults_of(folder: Path, **changed: str) -> list[str]:
    """The faults of the built-in pack with one more rule, as `line: message`."""
    text = "\n".join({**GOOD, **changed}.values()) + "\n"
    (folder / "my-rule.yaml").write_text(text, encoding="utf-8")
    library = load_library(rules=[folder], use_cache=False)
    return [f"{fault.line}: {fault.message}" for fault in check_library(library) if fault.path.startswith(str(folder))]


def test_the_built_in_packs_are_clean() -> None:
    assert check_library(load_library()) == []


def test_validators_are_found_by_their_file() -> None:
    assert {name for name, _ in validators()} >= {"conclusions", "evidence", "fields", "prose", "strata"}


def test_a_good_rule_is_clean(tmp_path: Path) -> None:
    assert faults_of(tmp_path) == []


FAULTS = {
    "unknown field": ({"when": "when:\n  kind: vram_oom\n  batchsize: {gt: 8}"}, "5: my-rule: there is no field 'batchsize'"),
    "unknown flag": ({"when": "when:\n  signal.no_such: true\n  batch_size: {gt: 8}"}, "there is no field 'signal.no_such'"),
    "list for a number": ({"when": "when:\n  kind: vram_oom\n  batch_size: {gt: large}"}, "compares with a number"),
    "a word compared": ({"when": "when:\n  kind: vram_oom\n  gpu_name: {gt: 8}"}, "can't compare"),
    "a pattern on a number": ({"when": 'when:\n  kind: vram_oom\n  batch_size: {matches: "8"}'}, "`matches` is for words"),
    "a bad pattern": ({"when": 'when:\n  kind: vram_oom\n  model: {matches: "(a"}\n  batch_size: {gt: 8}'}, "not a pattern"),
    "a value that is not one": ({"when": "when:\n  kind: vram_oom\n  phase: lunch\n  batch_size: {gt: 8}"}, "phase has no value lunch"),
    "a kind that is none": ({"when": "when:\n  kind: oom\n  batch_size: {gt: 8}"}, "no failure kind oom"),
    "a flag that is a word": ({"when": "when:\n  signal.wsl: 3\n  batch_size: {gt: 8}"}, "is true or false"),
    "a number too small": ({"when": "when:\n  lora_dropout: {gt: 0.00001}\n  batch_size: {gt: 8}"}, "smaller than the engine"),
    "an exponent": ({"when": "when:\n  kind: vram_oom\n  trainable_params: {gt: 1.0e+20}\n  batch_size: {gt: 8}"}, "without an exponent"),
    "unknown remedy": ({"then": "then:\n  - {remedy: reduce_batchsize, support: 0.4}"}, "did you mean reduce_batch_size?"),
    "unknown cause": ({"then": "then:\n  - {cause: gremlins, confidence: 0.4}"}, "there is no cause 'gremlins'"),
    "a weight of nothing": ({"then": "then:\n  - {remedy: reduce_batch_size, support: 0}"}, "a weight of 0"),
    "two strata in one rule": ({"then": "then:\n  - {derive: x}\n  - {remedy: reduce_batch_size, support: 0.4}"}, "make it two rules"),
    "unknown source": ({"sources": "sources: [hearsay]"}, "there is no source 'hearsay'"),
    "no source": ({"sources": "sources: []"}, "it names no source"),
    "one language": ({"because": 'because: {en: "Batch."}'}, "because lacks 'zh'"),
    "the wrong language": ({"because": 'because: {en: "过大", zh: "过大"}'}, "the English text holds Chinese"),
    "an unknown placeholder": ({"because": 'because: {en: "{no_such}", zh: "过大"}'}, "there is no field 'no_such'"),
    "a placeholder without ground": ({"because": 'because: {en: "{seq_len}", zh: "过大"}'}, "'seq_len' may be unknown"),
    "a bad format": ({"because": 'because: {en: "{batch_size:.1q}", zh: "过大"}'}, "can't be written"),
    "no near miss": ({"cases": "cases:\n  - {name: a, facts: {kind: vram_oom, batch_size: 16}, fires: true}"}, "no near miss"),
    "a case that comes out otherwise": (
        {"cases": GOOD["cases"].replace("batch_size: 16", "batch_size: 2")}, "12: my-rule: case 'large' should fire; batch_size > 8"
    ),
    "denial in one stratum": (
        {"when": "when:\n  derived.training: false\n  batch_size: {gt: 8}", "then": "then:\n  - {derive: not-training}"},
        "denies derived.training",
    ),
    "a cause needed too early": (
        {"when": "when:\n  cause.memory_leak: true\n  batch_size: {gt: 8}", "then": "then:\n  - {derive: early}"},
        "concluded later",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changed", "expected"), FAULTS.values(), ids=list(FAULTS))
def test_fault(tmp_path: Path, changed: dict[str, str], expected: str) -> None:
    assert any(expected in found for found in faults_of(tmp_path, **changed)), faults_of(tmp_path, **changed)
