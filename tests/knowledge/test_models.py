"""The rows of knowledge/models: enough, whole, with sources; their dimensions give their published parameter counts."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
import yaml

from advisor.library import load_library
from advisor.names.keys import key_of
from advisor.names.models import spellings
from advisor.resources import data_folder
from tests.knowledge.parameters import decoder_parameters, vit_parameters

KINDS = {"llm", "vlm", "vla", "encoder", "seq2seq", "speech", "vision", "diffusion"}
FILES = sorted((data_folder("knowledge") / "models").glob("*.yaml"))
ROWS = [(path, row) for path in FILES for row in yaml.safe_load(path.read_text(encoding="utf-8"))["models"]]
NAMES = [row["name"] for _, row in ROWS]
# Layers of another build than attention and MLP: their counts come from the published checkpoints alone.
OTHER_LAYERS = {"falcon_mamba", "jamba", "lfm2", "mamba", "mamba2", "qwen3_next", "recurrent_gemma", "rwkv"}
DECODERS = [row for _, row in ROWS if row["kind"] == "llm" and row["config"]["model_type"] not in OTHER_LAYERS]
# A text model and a vision tower, joined by a projector of at most 5 % of the whole.
TOWERS = {"llava", "llava_next", "llava_onevision", "qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe", "internvl_chat", "idefics3",
          "smolvlm", "gemma3", "paligemma", "mistral3"}  # fmt: skip
VLMS = [row for _, row in ROWS if row["kind"] == "vlm" and row["config"]["model_type"] in TOWERS]


def test_there_are_enough() -> None:
    assert len(load_library().models) >= 300
    assert len(ROWS) == len(set(NAMES))
    assert {row["kind"] for _, row in ROWS} == KINDS


def test_files_stay_readable() -> None:
    for path in FILES:
        assert path.read_text(encoding="utf-8").count("\n") <= 400, path.name


@pytest.mark.parametrize(("path", "row"), ROWS, ids=NAMES)
def test_row_is_whole(path: Any, row: dict[str, Any]) -> None:
    sources = yaml.safe_load(path.read_text(encoding="utf-8"))["sources"]
    assert row["source"] in sources
    assert all(url.startswith("https://") for url in sources.values())
    assert row["kind"] in KINDS
    assert row["params_b"] > 0
    assert "model_type" in row["config"]


def test_a_spelling_leads_to_one_model() -> None:
    owners: dict[str, set[str]] = defaultdict(set)
    for row in load_library().models.values():
        for spelling in spellings(row):
            assert key_of(spelling), f"{row.name}: {spelling!r} has no letters or digits"
            owners[key_of(spelling)].add(row.name)
    assert {key: names for key, names in owners.items() if len(names) > 1} == {}


@pytest.mark.parametrize("row", DECODERS, ids=[row["name"] for row in DECODERS])
def test_dimensions_give_the_parameter_count(row: dict[str, Any]) -> None:
    assert decoder_parameters(row["config"]) == pytest.approx(row["params_b"], rel=0.02)


@pytest.mark.parametrize("row", VLMS, ids=[row["name"] for row in VLMS])
def test_text_and_vision_give_the_parameter_count(row: dict[str, Any]) -> None:
    parts = decoder_parameters(row["config"]["text_config"]) + vit_parameters(row["config"]["vision_config"])
    assert parts == pytest.approx(row["params_b"], rel=0.055)


def test_the_formula_notices_a_wrong_dimension() -> None:
    config = dict(load_library().models["Llama-3-8B"].config)
    config["intermediate_size"] = 13336
    assert decoder_parameters(config) != pytest.approx(8.030, rel=0.02)


@pytest.mark.parametrize("row", [row for _, row in ROWS if row["kind"] == "diffusion"], ids=lambda row: row["name"])
def test_diffusion_parts_have_their_sizes(row: dict[str, Any]) -> None:
    config = row["config"]
    denoiser = config.get("transformer") or config.get("unet")
    assert denoiser["params_b"] == pytest.approx(row["params_b"], rel=0.02)
    assert config["vae"]["spatial_factor"] >= 1
    for encoder in config.get("text_encoders", ()):
        assert encoder["params_b"] > 0
