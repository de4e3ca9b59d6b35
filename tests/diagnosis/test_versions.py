"""What depends on the version: defaults of the program that ran, and the spelling of a change."""

from __future__ import annotations

import pytest

from advisor.diagnosis import examine
from advisor.diagnosis.changes import changes_for
from advisor.facts import FactValue
from advisor.library import Library, load_library

RUN = (
    "trl=={trl}\nSFTTrainer, QLoRA with load_in_4bit=True, Qwen2.5-7B on a 3090, batch size 1, seq 2048, gradient_checkpointing=False\n"
    "CUDA out of memory. Tried to allocate 1.00 GiB\n"
)


@pytest.fixture(scope="module")
def library() -> Library:
    return load_library()


def _activations(trl: str, library: Library) -> float:
    case = examine(RUN.format(trl=trl), library=library)
    assert case.facts["framework_version"] == trl
    assert case.estimate is not None
    return sum(part.gib for part in case.estimate.components if part.id == "activations")


def test_newer_trl_leaves_a_quantised_base_in_16_bits(library: Library) -> None:
    """Until 0.25 TRL prepared it as PEFT does: norms and what flows between layers were fp32."""
    old, new = _activations("0.25.1", library), _activations("0.26.0", library)
    assert _activations("0.21.0", library) == pytest.approx(old)
    assert _activations("1.5.1", library) == pytest.approx(new)
    assert 1.3 * new < old < 2.2 * new


def test_an_unknown_version_is_the_current_one(library: Library) -> None:
    case = examine(RUN.replace("trl=={trl}\n", ""), library=library)
    assert case.specification.assumed["kbit_prepare"] is False


def test_what_the_code_says_holds_in_every_version(library: Library) -> None:
    code = f"{RUN.format(trl='1.9.0')}model = prepare_model_for_kbit_training(model)\n"
    assert examine(code, library=library).specification.words["kbit_prepare"] is True


@pytest.mark.parametrize(
    ("facts", "first"),
    [
        ({"framework": "transformers", "framework_version": "5.22.2"}, "--gradient_checkpointing True"),
        ({"framework": "transformers", "framework_version": "5.23.0"}, "--activation_checkpointing True"),
        ({"framework": "transformers", "framework_version": "4.46.1"}, "--gradient_checkpointing True"),
        ({"framework": "transformers"}, "--gradient_checkpointing True"),  # the old name works in all of them
    ],
)
def test_checkpointing_is_spelled_for_the_version(facts: dict[str, FactValue], first: str, library: Library) -> None:
    changes = changes_for(library.remedies["gradient_checkpointing"], facts, library, "en")
    assert changes[0].text == first
    if "framework_version" in facts:
        spelled = "activation" if "activation" in first else "gradient"
        assert all(spelled in change.text for change in changes)


def test_the_version_of_a_program_is_not_that_of_the_library_below(library: Library) -> None:
    remedy = library.remedies["gradient_checkpointing"]
    run: dict[str, FactValue] = {"framework": "openvla", "framework_version": "0.3", "transformers_version": "5.24.0"}
    below = [name for name in library.lineage("openvla") if name == "transformers"]
    assert below
    assert "openvla" not in remedy.changes
    assert changes_for(remedy, run, library, "en")[0].text == "--activation_checkpointing True"
    del run["transformers_version"]
    assert changes_for(remedy, run, library, "en")[0].text == "--gradient_checkpointing True"


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("trl==1.9.0\ntransformers==5.24.0\nSFTTrainer(model)", "5.24.0"),
        (
            "Package      Version\n------------ -------\ntransformers 5.23.0\ntrl          1.9.0\nSFTTrainer(model)",
            "5.23.0",
        ),
        ("- `transformers` version: 4.57.1\n- TRL version: 0.25.1\nSFTTrainer(model)", "4.57.1"),
    ],
)
def test_the_version_of_transformers_is_read_below_a_program(text: str, version: str, library: Library) -> None:
    facts = examine(text, library=library).facts
    assert facts["framework"] == "trl"
    assert facts["transformers_version"] == version
    assert facts["framework_version"] in ("1.9.0", "0.25.1")


@pytest.mark.parametrize(
    ("trl", "trainer", "chunked"),
    [
        ("1.9.0", "SFTTrainer", True),
        ("1.6.0", "SFTTrainer", True),
        ("1.5.1", "SFTTrainer", False),
        ("1.9.0", "DPOTrainer", False),
    ],
)
def test_a_loss_that_is_chunked_by_default_is_not_advised(
    trl: str, trainer: str, chunked: bool, library: Library
) -> None:
    text = (
        f"trl=={trl}\n{trainer}, full fine-tuning of Qwen2.5-7B on an A100-80GB, batch size 4, seq 4096\n"
        "CUDA out of memory. Tried to allocate 9.27 GiB\n"
    )
    case = examine(text, library=library)
    assert (case.specification.words.get("fused_ce") is True) is chunked
    steps = {step.remedy.id for plan in case.outcome.plans for step in plan.steps}
    advised = {item.remedy.id for item in case.outcome.ranked}
    assert ("chunked_loss" in steps | advised) is not chunked
    if not chunked and trl == "1.5.1":
        changes = changes_for(library.remedies["chunked_loss"], case.facts, library, "en")
        assert any("chunked_nll" in change.text for change in changes)


@pytest.mark.parametrize(
    ("version", "text"),
    [
        ("2.0.1", "export PYTORCH_CUDA_ALLOC_CONF=max_split_size_mb:128"),
        ("2.4.0", "export PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True"),
        ("2.9.1", "export PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True"),  # it ignores the new name
        ("2.11.0+cu130", "export PYTORCH_ALLOC_CONF=expandable_segments:True"),
    ],
)
def test_the_allocator_is_told_in_the_words_of_the_version(version: str, text: str, library: Library) -> None:
    facts: dict[str, FactValue] = {"framework": "transformers", "framework_version": "4.50.0", "torch_version": version}
    (change,) = changes_for(library.remedies["alloc_conf_expandable"], facts, library, "en")
    assert change.text == text
