"""Every rule: its own cases, its sources, both languages, the words that it names, and its weight in the whole."""

from __future__ import annotations

import collections
import re
import string

import pytest

from advisor.engine import Engine
from advisor.facts import VRAM_KINDS
from advisor.library import Library, load_library
from advisor.plan.rank import candidates_of
from advisor.rule import MEMORY_FIELDS, STRATA, Rule
from advisor.vocabulary import VOCABULARY
from advisor.wording import WORDS

LIBRARY = load_library()
CASES = [(rule, case) for rule in LIBRARY.rules for case in rule.cases]
CAUSES = sorted(name.removeprefix("cause.") for name in WORDS if name.startswith("cause."))
# Of no use where the device's memory is not what is short.
ONLY_FOR_DEVICE_MEMORY = {
    "gradient_checkpointing", "gradient_accumulation", "lora", "qlora", "smaller_lora_rank",
    "freeze_components", "mixed_precision", "8bit_optimizer", "paged_optimizer", "memory_efficient_optimizer",
    "zero2", "zero3", "zero_offload", "zero3_offload", "fsdp", "activation_offload", "tensor_parallel",
    "more_gpus", "bigger_gpu", "flash_attention", "chunked_loss", "alloc_conf_expandable", "empty_cache",
    "reduce_num_generations", "drop_ref_model", "quantize_kv_cache", "reduce_gpu_memory_utilization",
    "raise_gpu_memory_utilization", "tiled_vae", "enforce_eager", "select_free_gpu",
}  # fmt: skip


@pytest.mark.parametrize(("rule", "case"), CASES, ids=[f"{rule.id}: {case.name}" for rule, case in CASES])
def test_case(rule: Rule, case: object) -> None:
    assert rule.fires(case.facts) is case.fires, [str(item) for item in rule.failed(case.facts)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("rule", LIBRARY.rules, ids=lambda rule: rule.id)
def test_rule_is_complete(rule: Rule) -> None:
    assert {case.fires for case in rule.cases} == {True, False}, "a firing and a near-miss case"
    assert rule.sources
    assert set(rule.sources) <= set(LIBRARY.sources)
    for text in (rule.because, rule.wrong_when):
        assert set(text) == {"en", "zh"}
        assert re.search(r"[一-鿿]", text["zh"])
        assert not re.search(r"[一-鿿]", text["en"])


@pytest.mark.parametrize("rule", LIBRARY.rules, ids=lambda rule: rule.id)
def test_every_field_exists(rule: Rule) -> None:
    derived = {item.id for other in LIBRARY.rules for item in other.then if item.kind == "derive"}
    for condition in rule.conditions():
        prefix, _, name = condition.field.partition(".")
        known = {
            "signal": LIBRARY.signals,
            "derived": derived,
            "cause": CAUSES,
            "tried": LIBRARY.remedies,
            "memory": MEMORY_FIELDS,
        }.get(prefix, ()) if name else (*VOCABULARY, "kind")  # fmt: skip
        assert (name or prefix) in known, f"{condition.field} does not exist"


@pytest.mark.parametrize("rule", LIBRARY.rules, ids=lambda rule: rule.id)
def test_reasons_name_only_what_the_conditions_guarantee(rule: Rule) -> None:
    """A placeholder is filled in every case on which the rule fires: its field must be tested in `when` and be in the firing case."""
    firing = next(case for case in rule.cases if case.fires)
    for text in rule.because.values():
        for _, name, form, _ in string.Formatter().parse(text):
            if name is None:
                continue
            assert name in {*MEMORY_NAMES, *VOCABULARY}, f"{name} is no field"
            value = firing.facts.get(name)
            assert value is not None, f"the firing case lacks {name}"
            format(value, form or "")


MEMORY_NAMES = frozenset(f"memory.{name}" for name in MEMORY_FIELDS)


def test_every_cause_and_every_remedy_has_a_rule() -> None:
    concluded = collections.defaultdict(set)
    for rule in LIBRARY.rules:
        for item in rule.then:
            concluded[item.kind].add(item.id)
    assert concluded["cause"] == set(CAUSES)
    assert concluded["remedy"] >= set(LIBRARY.remedies)


def test_no_stratum_denies_its_own_conclusions() -> None:
    where = {
        f"{item.kind.replace('derive', 'derived')}.{item.id}": rule.stratum
        for rule in LIBRARY.rules
        for item in rule.then
        if item.kind in ("derive", "cause")
    }
    for rule in LIBRARY.rules:
        for condition in rule.conditions():
            if condition.field in where and condition.value is False:
                assert where[condition.field] < rule.stratum, (
                    f"{rule.id} denies {condition.field} in {STRATA[rule.stratum]}"
                )


@pytest.mark.parametrize("document", ["gr00t", "omnilmm", "vlm-r1", "xtuner-llava", "nanovlm"])
def test_the_five_documents_are_quoted(document: str) -> None:
    quoting = [rule.id for rule in LIBRARY.rules if document in rule.sources]
    assert len(quoting) >= 3


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(LIBRARY.rules)


def _advice(engine: Engine, library: Library, facts: dict[str, object]) -> list[str]:
    return [item.remedy.id for item in candidates_of(engine.run(facts), library.remedies)]


@pytest.mark.parametrize("kind", ["host_oom", "shm", "kernel_resources", "other_error", "none"])
def test_other_failures_get_no_device_memory_advice(engine: Engine, kind: str) -> None:
    """Whatever else is known, a failure that is no shortage of device memory is never answered with its remedies."""
    signals = {f"signal.{name}": True for name in LIBRARY.signals}
    rich = {
        "task": "train",
        "params_b": 7,
        "method": "full",
        "batch_size": 8,
        "seq_len": 4096,
        "gpu_count": 4,
        "zero_stage": 2,
    }
    for facts in (
        {},
        signals,
        {**rich, **signals},
        {"runtime": "vllm", **signals},
        {"task": "inference", "phase": "load"},
    ):
        advice = _advice(engine, LIBRARY, {**facts, "kind": kind})
        assert not ONLY_FOR_DEVICE_MEMORY & set(advice)


@pytest.mark.parametrize("kind", sorted(VRAM_KINDS))
@pytest.mark.parametrize("task", ["train", "inference", "unknown"])
def test_a_shortage_is_never_left_without_advice(engine: Engine, kind: str, task: str) -> None:
    facts = {"kind": kind} if task == "unknown" else {"kind": kind, "task": task}
    assert len(_advice(engine, LIBRARY, facts)) >= 3


def test_nothing_is_advised_for_no_failure(engine: Engine) -> None:
    assert _advice(engine, LIBRARY, {"kind": "none", "task": "train", "params_b": 7, "batch_size": 8}) == []


def test_what_is_on_is_not_advised(engine: Engine) -> None:
    facts = {
        "kind": "vram_oom", "task": "train", "params_b": 7, "method": "lora", "batch_size": 1, "gradient_checkpointing": True,
        "zero_stage": 3, "offload": "both", "precision": "bf16", "flash_attention": True, "gpu_count": 4, "tried.reduce_seq_len": True,
    }  # fmt: skip
    advice = _advice(engine, LIBRARY, facts)
    for remedy in ("lora", "reduce_batch_size", "gradient_accumulation", "gradient_checkpointing", "zero2", "zero3", "zero3_offload",
                   "mixed_precision", "flash_attention", "reduce_seq_len"):  # fmt: skip
        assert remedy not in advice


def test_one_card_is_not_sharded(engine: Engine) -> None:
    advice = _advice(
        engine, LIBRARY, {"kind": "vram_oom", "task": "train", "params_b": 7, "method": "full", "gpu_count": 1}
    )
    assert not {"zero2", "zero3", "fsdp", "tensor_parallel"} & set(advice[:5])
    assert {"lora", "qlora"} & set(advice[:3])
