"""Remedies as edits: what is on, what applies, which settings there are."""

from __future__ import annotations

from advisor.library import load_library
from advisor.plan.edit import already_on, applicable, apply, changes_of, forbidden, settings, tailored
from advisor.plan.outcome import Preferences
from advisor.records import Edit

from .conftest import toy_remedy

BATCH = toy_remedy("reduce_batch_size", Edit(halve=["batch_size"], until_fits=True), useless_when={"batch_size": [1]})


def test_halving_goes_to_the_floor() -> None:
    sizes = [edit.set["batch_size"] for edit in settings(BATCH, {"batch_size": 12})]
    assert sizes == [6, 3, 1]
    assert all(isinstance(size, int) for size in sizes)


def test_halving_keeps_the_effective_batch() -> None:
    remedy = toy_remedy("accumulate", Edit(halve=["batch_size"], double=["grad_accum"], until_fits=True))
    steps = [edit.set for edit in settings(remedy, {"batch_size": 4})]
    assert steps == [{"batch_size": 2, "grad_accum": 2}, {"batch_size": 1, "grad_accum": 4}]


def test_what_is_unknown_can_not_be_halved() -> None:
    assert list(settings(BATCH, {})) == []


def test_a_floor_is_kept() -> None:
    remedy = toy_remedy("shorten", Edit(halve=["seq_len"], floor=256, until_fits=True))
    assert [edit.set["seq_len"] for edit in settings(remedy, {"seq_len": 900})] == [450, 256]
    assert list(settings(remedy, {"seq_len": 128})) == []


def test_settings_that_change_nothing_are_left_out() -> None:
    remedy = toy_remedy("mixed", Edit(set={"precision": "amp-bf16"}), Edit(set={"precision": "bf16"}))
    assert [edit.set["precision"] for edit in settings(remedy, {"precision": "amp-bf16"})] == ["bf16"]


def test_a_split_needs_its_cards() -> None:
    remedy = toy_remedy("tp", *(Edit(set={"parallelism": f"tp{count}"}) for count in (2, 4, 8)))
    assert [edit.set["parallelism"] for edit in settings(remedy, {"gpu_count": 4})] == ["tp2", "tp4"]
    assert list(settings(remedy, {})) == []


def test_apply_leaves_the_given_specification_alone() -> None:
    spec = {"batch_size": 8}
    assert apply(Edit(halve=["batch_size"]), spec) == {"batch_size": 4}
    assert spec == {"batch_size": 8}
    assert changes_of(Edit(set={"batch_size": 8}), spec) == {}


def test_already_on() -> None:
    assert already_on(BATCH, {"batch_size": 1})
    assert not already_on(BATCH, {"batch_size": 2})
    assert not already_on(BATCH, {})
    assert already_on(BATCH, {"tried.reduce_batch_size": True})


def test_applicable_lets_the_unknown_pass() -> None:
    remedy = toy_remedy(
        "zero3", Edit(set={"zero_stage": 3}), applies_to={"task": ["train"]}, needs={"gpu_count": {"gt": 1}}
    )
    assert applicable(remedy, {})
    assert applicable(remedy, {"task": "train", "gpu_count": 2})
    assert not applicable(remedy, {"task": "inference"})
    assert not applicable(remedy, {"gpu_count": 1})


def test_forbidden_by_id_by_word_and_by_what_must_stay() -> None:
    offload = toy_remedy("zero3_offload", Edit(set={"offload": "both"}))
    assert forbidden(offload, Preferences(forbid=("zero3_offload",)))
    assert forbidden(offload, Preferences(forbid=("offload",)))
    assert forbidden(BATCH, Preferences(keep=("batch_size",)))
    assert not forbidden(BATCH, Preferences(keep=("seq_len",), forbid=("offload",)))


def test_a_size_is_lowered_to_what_another_fact_allows_and_no_further() -> None:
    lowered, halved = (
        Edit(take={"max_model_len": "kv_cache_tokens"}),
        Edit(halve=["max_model_len"], until_fits=True),
    )
    remedy = toy_remedy("shorten", lowered, halved)
    known = {"max_model_len": 131_072, "kv_cache_tokens": 62_352}
    assert [edit.set for edit in settings(remedy, known)] == [{"max_model_len": 62_352}]
    assert next(settings(remedy, {"max_model_len": 8192, "kv_cache_tokens": 62_352})).set == {"max_model_len": 4096}
    assert next(settings(remedy, {"max_model_len": 8192})).set == {"max_model_len": 4096}


def test_a_setting_is_for_runs_of_which_its_facts_are_known() -> None:
    remedy = toy_remedy(
        "zero_offload",
        Edit(where={"zero_stage": ["unknown", 2]}, set={"zero_stage": 2, "offload": "optimizer"}),
        Edit(where={"zero_stage": [3]}, set={"offload": "optimizer"}),
    )
    assert [apply(edit, {}) for edit in settings(remedy, {})] == [{"zero_stage": 2, "offload": "optimizer"}]
    stage_3 = {"zero_stage": 3}
    assert [changes_of(edit, stage_3) for edit in settings(remedy, stage_3)] == [{"offload": "optimizer"}]


def test_a_program_gets_the_settings_that_it_has_a_change_for() -> None:
    library = load_library()
    remedy = library.remedies["quantize_base"]
    assert [edit.set["quantization"] for edit in tailored(remedy, "comfyui", library).edit] == ["8bit"]
    assert tailored(remedy, "diffusers", library) is remedy
    assert tailored(remedy, "", library) is remedy


def test_a_split_goes_over_more_cards_than_now() -> None:
    remedy = toy_remedy("tensor_parallel", *(Edit(set={"parallelism": f"tp{count}"}) for count in (2, 4, 8)))
    assert [edit.set["parallelism"] for edit in settings(remedy, {"parallelism": "tp4", "gpu_count": 8})] == ["tp8"]
    assert list(settings(remedy, {"parallelism": "tp4", "gpu_count": 4})) == []


def test_programs_whose_only_preset_offloads_all_have_no_milder_one() -> None:
    library = load_library()
    at_stage_3 = {"zero_stage": 3, "method": "full", "task": "train"}
    remedy = library.remedies["zero_offload"]
    assert list(settings(tailored(remedy, "ms-swift", library), at_stage_3)) == []
    assert list(settings(tailored(remedy, "accelerate", library), at_stage_3))
