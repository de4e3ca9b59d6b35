"""`--model-path` and `--hub`: files below options, the Hub only when asked, errors with a next step."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner, Result

from advisor.cli import cli
from advisor.errors import InputError

TINY = {
    "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_size": 1024, "intermediate_size": 3072,
    "num_hidden_layers": 28, "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936,
    "tie_word_embeddings": True, "torch_dtype": "bfloat16", "hidden_act": "silu",
}  # fmt: skip


@pytest.fixture(autouse=True)
def no_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    made.mkdir()
    (made / "config.json").write_text(json.dumps(TINY))
    return made


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), standalone_mode=False)


def estimated(*arguments: str) -> dict[str, Any]:
    result = run("estimate", "--format", "json", *arguments)
    assert result.exception is None, result.exception
    data = json.loads(result.stdout)
    assert isinstance(data, dict)
    return data


def weights(data: dict[str, Any]) -> float:
    return sum(part["gib"] for part in data["components"] if part["id"] == "weights")


def test_a_path_is_enough_for_an_estimate(folder: Path) -> None:
    from_files = estimated("--model-path", str(folder), "--task", "inference", "--seq-len", "512")
    by_name = estimated("--model", "Qwen3-0.6B", "--task", "inference", "--seq-len", "512")
    assert from_files["allocated_gib"] == pytest.approx(by_name["allocated_gib"], rel=0.01)


def test_what_is_stated_wins_over_the_files(folder: Path) -> None:
    plain = estimated("--model-path", str(folder), "--task", "inference")
    stated = estimated("--model-path", str(folder), "--task", "inference", "--precision", "fp32")
    assert weights(stated) == pytest.approx(2 * weights(plain), rel=0.01)


def test_stored_quantisation_is_taken_unless_another_is_stated(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps(TINY | {"quantization_config": {"quant_method": "gptq", "bits": 4}}))
    stored = estimated("--model-path", str(folder), "--task", "inference")
    other = estimated("--model-path", str(folder), "--task", "inference", "--quantization", "int8")
    none = estimated("--model-path", str(folder), "--task", "inference", "--quantization", "none")
    assert weights(stored) < weights(other) < weights(none)


def test_fit_reads_the_files_too(folder: Path) -> None:
    result = run(
        "fit", "--model-path", str(folder), "--method", "lora", "--gpu", "T4", "--seq-len", "512", "--format", "json"
    )
    assert result.exception is None, result.exception
    assert json.loads(result.stdout)["rows"][0]["batch_size"] >= 1


def test_the_cache_serves_a_name_that_the_catalogue_lacks(tmp_path: Path, folder: Path) -> None:
    snapshot = tmp_path / "hub" / "models--my-lab--my-own-model" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text(json.dumps(TINY))
    result = run("estimate", "--model", "my-lab/my-own-model", "--task", "inference", "--format", "json")
    assert result.exception is None, result.exception
    assert "is read from" in result.stderr
    assert (
        json.loads(result.stdout)["allocated_gib"]
        == estimated("--model-path", str(folder), "--task", "inference")["allocated_gib"]
    )


def test_the_hub_needs_its_package() -> None:
    error = run("estimate", "--hub", "--model", "my-lab/my-own-model").exception
    assert isinstance(error, InputError)
    assert "not installed" in error.message
    assert "vram-advisor[hub]" in error.hint


def fake(monkeypatch: pytest.MonkeyPatch, answer: object) -> list[dict[str, str]]:
    calls: list[dict[str, str]] = []

    def hf_hub_download(**words: str) -> str:
        calls.append(words)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    module = ModuleType("huggingface_hub")
    module.hf_hub_download = hf_hub_download  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)
    return calls


def test_the_hub_is_asked_for_the_configuration_alone(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    calls = fake(monkeypatch, folder / "config.json")
    assert weights(estimated("--hub", "--model", "my-lab/my-own-model", "--task", "inference")) == pytest.approx(
        1.11, abs=0.03
    )
    assert calls == [{"repo_id": "my-lab/my-own-model", "filename": "config.json"}]


def test_a_neighbour_in_the_catalogue_lends_no_weights(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    fake(monkeypatch, folder / "config.json")
    near = estimated("--hub", "--model", "my-lab/Qwen2.5-7B-Shrunk", "--task", "inference")
    assert weights(near) == weights(estimated("--model-path", str(folder), "--task", "inference"))


def test_the_hub_is_left_alone_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = fake(monkeypatch, ConnectionError())
    run("estimate", "--model", "my-lab/my-own-model", "--params-b", "3")
    assert calls == []


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionError("unreachable"), "could not be fetched"),
        (type("GatedRepoError", (Exception,), {})(), "gated"),
        (type("RepositoryNotFoundError", (Exception,), {})(), "not on the Hub"),
        (type("OfflineModeIsEnabled", (ConnectionError,), {})(), "HF_HUB_OFFLINE"),
        (type("HFValidationError", (ValueError,), {})(), "no name"),
    ],
)
def test_what_the_hub_refuses_is_said_with_the_next_step(
    monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    fake(monkeypatch, error)
    caught = run("estimate", "--hub", "--model", "my-lab/my-own-model").exception
    assert isinstance(caught, InputError)
    assert words in caught.message
    assert caught.hint


def test_the_hub_needs_a_name_and_no_path(folder: Path) -> None:
    for arguments in (["--hub"], ["--hub", "--model", "llama"], ["--hub", "--model-path", str(folder)]):
        caught = run("estimate", *arguments).exception
        assert isinstance(caught, InputError)
        assert caught.hint
