"""Every remedy reads into its record, speaks both languages, edits known words, and gives a sourced change for known frameworks."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from advisor.facts import check_fact
from advisor.library import Library, load_library
from advisor.plan.edit import tailored
from advisor.records import Remedy
from advisor.resources import data_folder
from advisor.vocabulary import VOCABULARY

_IDS = """
reduce_batch_size gradient_accumulation gradient_checkpointing reduce_seq_len lora qlora smaller_lora_rank
freeze_components mixed_precision 8bit_optimizer paged_optimizer memory_efficient_optimizer zero2 zero3 zero_offload
zero3_offload fsdp cpu_offload activation_offload model_parallel tensor_parallel device_map_auto more_gpus bigger_gpu
flash_attention chunked_loss reduce_num_generations drop_ref_model reduce_image_tokens reduce_resolution quantize_base
quantize_kv_cache alloc_conf_expandable empty_cache kill_other_processes select_free_gpu eval_accumulation
no_grad_inference detach_loss reduce_gpu_memory_utilization raise_gpu_memory_utilization reduce_max_model_len
enforce_eager reduce_gpu_layers smaller_model upgrade_version fix_config load_checkpoint_on_cpu load_low_cpu_mem
cache_text_encoder_outputs tiled_vae torch_compile_off fail_fast_longest_batch xla_preallocate_off tf_allow_growth
mps_watermark memory_efficient_attention reduce_kv_cache_fraction reduce_max_num_seqs reduce_batch_total_tokens
lower_gpu_split disable_cudnn disable_cudnn_benchmark downgrade_version assign_on_cpu reduce_workers_host_ram
more_host_ram increase_shm increase_swap disable_pin_memory reduce_buffer_size reduce_threads jvm_heap free_disk
update_driver not_memory_related
"""
IDS = frozenset(_IDS.split())
FILES = sorted((data_folder("knowledge") / "remedies").glob("*.yaml"))
PLACEHOLDER = re.compile(r"(?<!\$)\{([a-z_]+)\}")
WORD_IN_BRACE = re.compile(r"(?<!\$)\{([a-z][^{}]*)\}")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
COMPARISONS = {"gt", "gte", "lt", "lte", "is", "in", "not_in"}
# What each of the five project reports names, as remedies.
REPORTS = {
    "gr00t": {"freeze_components", "lora", "gradient_checkpointing", "mixed_precision", "reduce_batch_size", "bigger_gpu", "more_gpus"},
    "omnilmm": {"gradient_accumulation", "mixed_precision", "gradient_checkpointing", "model_parallel", "reduce_seq_len",
                "reduce_image_tokens", "reduce_batch_size", "reduce_resolution"},
    "vlm-r1": {"gradient_checkpointing", "reduce_num_generations", "mixed_precision", "gradient_accumulation", "model_parallel"},
    "xtuner-llava": {"lora", "zero3_offload", "reduce_batch_size", "gradient_accumulation", "smaller_model"},
    "nanovlm": {"reduce_seq_len", "reduce_batch_size", "gradient_accumulation", "mixed_precision"},
}  # fmt: skip
PROJECTS = {
    "gr00t": "gr00t",
    "omnilmm": "minicpm-v",
    "vlm-r1": "vlm-r1",
    "xtuner-llava": "xtuner",
    "nanovlm": "nanovlm",
}


@pytest.fixture(scope="module")
def library() -> Library:
    return load_library(use_cache=False)


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def remedy(request: pytest.FixtureRequest, library: Library) -> Remedy:
    return library.remedies[request.param.stem]


def test_every_remedy_of_the_contract_is_there(library: Library) -> None:
    assert library.remedies.keys() == IDS


def test_the_file_is_named_by_its_id(remedy: Remedy) -> None:
    assert Path(remedy.path).stem == remedy.id


def test_both_languages_are_there(remedy: Remedy) -> None:
    notes = [change.note for changes in remedy.changes.values() for change in changes if change.note]
    for text in (remedy.title, remedy.what, *notes):
        assert text.keys() == {"en", "zh"}
        assert text["en"].isascii(), text["en"]
        assert text["en"].strip()
        assert text["zh"].strip()
    assert CHINESE.search(remedy.title["zh"])
    assert CHINESE.search(remedy.what["zh"])


def test_texts_are_short(remedy: Remedy) -> None:
    assert len(remedy.title["en"]) <= 60
    assert len(remedy.what["en"]) <= 330
    assert len(remedy.what["zh"]) <= 160


def test_places_use_the_words_of_the_contract(remedy: Remedy) -> None:
    changes = [change for changes in remedy.changes.values() for change in changes]
    for where in [*(edit.where for edit in remedy.edit), *(change.where for change in changes)]:
        for name, allowed in where.items():
            for value in allowed:
                if value != "unknown":
                    check_fact(name, value)


def test_every_program_has_a_setting_of_what_it_has_a_change_for(remedy: Remedy, library: Library) -> None:
    for framework in remedy.changes if remedy.edit else ():
        assert tailored(remedy, framework, library).edit, framework


def test_edits_use_the_words_of_the_contract(remedy: Remedy) -> None:
    for edit in remedy.edit:
        assert edit.set or edit.halve or edit.take
        for name, value in edit.set.items():
            check_fact(name, value)
        for name in (*edit.halve, *edit.double):
            assert VOCABULARY[name].kind in ("int", "float")
        assert not edit.double or edit.halve
        for name, other in edit.take.items():
            assert VOCABULARY[name].kind == VOCABULARY[other].kind


def test_conditions_use_the_words_of_the_contract(remedy: Remedy) -> None:
    for table in (remedy.applies_to, remedy.useless_when):
        for name, allowed in table.items():
            assert allowed
            for value in allowed:
                check_fact(name, value)
    for name, test in remedy.needs.items():
        assert name in VOCABULARY
        assert set(test) <= COMPARISONS


def test_the_result_of_an_edit_is_known_to_be_on(remedy: Remedy) -> None:
    """What an edit sets is in `useless_when`, or the same advice would come again after it was followed."""
    once = [edit.set for edit in remedy.edit if edit.set]
    if len(once) != 1 or remedy.id in {"raise_gpu_memory_utilization", "cpu_offload", "mixed_precision"}:
        return
    assert any(value in remedy.useless_when.get(name, []) for name, value in once[0].items()), remedy.useless_when


def test_exclusions_are_mutual(remedy: Remedy, library: Library) -> None:
    assert set(remedy.excludes) <= IDS - {remedy.id}
    for other in remedy.excludes:
        assert remedy.id in library.remedies[other].excludes, other


def test_claims_have_a_source(remedy: Remedy, library: Library) -> None:
    assert remedy.sources
    assert set(remedy.sources) <= library.sources.keys()
    source = remedy.time.source
    assert source.startswith("https://") or source in library.sources or (not source and remedy.time.factor == 1.0)
    assert 0.3 <= remedy.time.factor <= 3.0


def test_every_change_has_a_source_and_a_framework(remedy: Remedy, library: Library) -> None:
    assert "pytorch" in remedy.changes, "the end of every family chain needs a change"
    for framework, changes in remedy.changes.items():
        assert framework in library.frameworks, framework
        assert changes
        for change in changes:
            assert change.source.startswith("https://"), (framework, change.text)
            assert change.text.strip()


def test_braces_are_placeholders_of_facts_or_no_words(remedy: Remedy) -> None:
    """A brace before a lower-case word is filled when the change is shown, so nothing else may look like that."""
    for changes in remedy.changes.values():
        for change in changes:
            for text in (change.text, *change.note.values()):
                for word in WORD_IN_BRACE.findall(text):
                    assert word in VOCABULARY, text


def test_configuration_snippets_are_well_formed(remedy: Remedy) -> None:
    parsers = {"json": lambda text: json.loads(f"{{{text}}}"), "yaml": yaml.safe_load, "toml": tomllib.loads}
    for changes in remedy.changes.values():
        for change in changes:
            if change.kind in parsers:
                parsed = parsers[change.kind](PLACEHOLDER.sub("4", change.text))
                assert isinstance(parsed, dict), change.text


def test_placeholders_of_an_edited_fact_are_used(remedy: Remedy) -> None:
    """A halved fact is shown with its new value somewhere, else the reader does not learn how far to go."""
    texts = " ".join(change.text for changes in remedy.changes.values() for change in changes)
    for edit in remedy.edit:
        # No switch takes tokens of images; the texts give pixels, tiles or frames.
        if edit.halve and edit.halve != ["image_tokens"]:
            assert any(f"{{{name}}}" in texts for name in edit.halve), edit.halve


@pytest.mark.parametrize(("report", "names"), REPORTS.items(), ids=REPORTS)
def test_each_report_is_encoded_with_its_projects_own_switches(library: Library, report: str, names: set[str]) -> None:
    for name in names:
        assert report in library.remedies[name].sources, name
        assert PROJECTS[report] in library.remedies[name].changes or name == "smaller_model", name


def test_reports_have_titles_in_both_languages(library: Library) -> None:
    for report in REPORTS:
        source = library.sources[report]
        assert source.url.startswith("https://")
        assert CHINESE.search(source.title["zh"])
        assert source.title["en"].isascii()


def test_no_source_is_unused(library: Library) -> None:
    """Rules may use sources too; here only what neither a remedy nor a rule mentions is a fault."""
    used = {name for remedy in library.remedies.values() for name in (*remedy.sources, remedy.time.source)}
    used |= {name for rule in library.rules for name in rule.sources}
    kept_for_rules = {"pytorch-checkpoint", "recompute-paper", "paddle-memory"}
    assert not library.sources.keys() - used - kept_for_rules
