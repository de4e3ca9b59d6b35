"""The commands end to end, in one process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from advisor.cli import cli

LOG = Path(__file__).resolve().parents[2] / "docs" / "examples" / "qwen2.5-7b-lora.log"


def run(*arguments: str, text: str | None = None) -> Result:
    result = CliRunner().invoke(cli, list(arguments), input=text, standalone_mode=False)
    assert result.exception is None, result.exception
    return result


def answer(*arguments: str, text: str | None = None) -> dict[str, object]:
    data = json.loads(run("diagnose", "--format", "json", *arguments, text=text).output)
    assert isinstance(data, dict)
    return data


def test_the_json_has_the_shape_that_was_promised() -> None:
    data = answer(str(LOG))
    assert data["schema"] == "advisor.diagnosis/1"
    assert data["lang"] == "en"
    assert data["failure"]["kind"] == "vram_oom"  # type: ignore[index]
    facts = data["facts"]
    assert facts["batch_size"] == 4  # type: ignore[index]
    assert facts["tried_to_allocate_gib"] == pytest.approx(296 / 1024, rel=1e-3)  # type: ignore[index]
    assert {"fact", "line", "quote", "origin"} <= set(data["evidence"][0])  # type: ignore[index]
    estimate = data["estimate"]
    assert {"allocated_gib", "reserved_gib", "process_gib", "low_gib", "high_gib", "assumed", "components"} <= set(
        estimate
    )  # type: ignore[call-overload]
    assert estimate["low_gib"] <= estimate["allocated_gib"] <= estimate["high_gib"]  # type: ignore[index]
    first = data["remedies"][0]  # type: ignore[index]
    assert {
        "rank",
        "id",
        "title",
        "time_cost",
        "quality_risk",
        "effort",
        "changes",
        "because",
        "rules",
        "sources",
    } <= set(first)
    assert first["rank"] == 1
    assert "null" not in json.dumps(data)


def test_what_is_not_known_is_absent() -> None:
    data = answer("-", text="CUDA out of memory")
    assert "estimate" not in data
    assert "plan" not in data
    assert "phase" not in data["failure"]  # type: ignore[operator]
    assert data["questions"]


def test_options_state_and_correct_facts() -> None:
    data = answer(str(LOG), "--gpu", "RTX 3090", "--batch-size", "8", "--set", "seq_len=512")
    facts = data["facts"]
    assert (facts["gpu_name"], facts["batch_size"], facts["seq_len"]) == ("RTX 3090", 8, 512)  # type: ignore[index]
    batch = [item for item in data["evidence"] if item["fact"] == "batch_size"]  # type: ignore[union-attr]
    assert {item.get("overruled") for item in batch} == {None, 4}


def test_a_forbidden_remedy_is_not_advised() -> None:
    ids = [item["id"] for item in answer(str(LOG), "--forbid", "offload", "--keep", "batch_size")["remedies"]]  # type: ignore[union-attr]
    assert ids
    assert not [name for name in ids if "offload" in name or "batch" in name]


@pytest.mark.parametrize(("lang", "word"), [("en", "The GPU ran out of memory"), ("zh", "显存")])
def test_the_language_can_be_chosen(lang: str, word: str) -> None:
    assert word in run("diagnose", str(LOG), "--lang", lang).output


def test_explain_shows_rules_lines_and_documents() -> None:
    text = run("diagnose", str(LOG), "--explain", "--width", "140").output
    assert "How this was concluded" in text
    assert "line 3" in text
    assert "--per_device_train_batch_size 4" in text
    assert "https://" in text


def test_why_not_names_the_condition_that_failed() -> None:
    text = run("why-not", "kill_other_processes", str(LOG)).output
    assert "kill_other_processes is not advised" in text
    assert "other" in text


def test_why_not_of_an_advised_remedy_tells_its_rank() -> None:
    first = answer(str(LOG))["remedies"][0]["id"]  # type: ignore[index]
    assert "rank 1" in run("why-not", first, str(LOG)).output


def test_estimate_prints_components_and_the_card() -> None:
    arguments = (
        "--model",
        "Qwen2.5-7B",
        "--method",
        "lora",
        "-b",
        "4",
        "-s",
        "2048",
        "--gpu",
        "RTX 4090",
        "--task",
        "train",
    )
    text = run("estimate", *arguments).output
    assert "weights" in text
    assert "RTX 4090" in " ".join(text.split())
    data = json.loads(run("estimate", *arguments, "--format", "json").output)
    assert data["capacity_gib"] == pytest.approx(23.6, abs=0.3)


def test_estimate_reads_json_lines_in_order() -> None:
    lines = [
        {"id": 1, "params_b": 7, "task": "train"},
        {"id": 2},
        {"id": 3, "model": "Qwen2.5-7B", "task": "inference"},
    ]
    result = CliRunner().invoke(
        cli, ["estimate", "--jsonl", "-"], input="\n".join(map(json.dumps, lines)), standalone_mode=False
    )
    answers = [json.loads(line) for line in result.output.splitlines()]
    assert [item["id"] for item in answers] == [1, 2, 3]
    assert "allocated_gib" in answers[0]
    assert "error" in answers[1]
    assert result.return_value == 1


def test_fit_finds_a_value_that_fits_and_the_next_does_not() -> None:
    base = (
        "fit",
        "--model",
        "Llama-3.1-8B",
        "--method",
        "lora",
        "--gpu",
        "RTX 4090",
        "--task",
        "train",
        "-b",
        "1",
        "--format",
        "json",
    )
    data = json.loads(run(*base, "--vary", "seq_len").output)
    row = data["rows"][0]
    assert row["need_gib"] <= data["capacity_gib"]
    assert row["seq_len"] >= 128


def test_compare_shows_both_runs() -> None:
    text = run("compare", "model=Qwen2.5-7B method=full batch_size=1 seq_len=1024", "method=lora").output
    assert "optimizer states" in text
    assert "Total" in text


@pytest.mark.parametrize("command", [("gpus", "4090"), ("models", "qwen2.5", "7b"), ("facts",), ("rules", "list")])
def test_lists_are_not_empty(command: tuple[str, ...]) -> None:
    assert len(run(*command).output.splitlines()) >= 1


def test_a_new_rule_passes_the_check(tmp_path: Path) -> None:
    folder = tmp_path / "rules" / "memory"
    run("rules", "new", "my-own-fault", "--folder", str(folder))
    assert (folder / "my-own-fault.yaml").is_file()
    assert "no fault" in run("rules", "check", str(tmp_path / "rules")).output


def test_a_rule_is_shown_whole() -> None:
    rule = run("rules", "list").output.splitlines()[0].split()[1]
    text = run("rules", "show", rule).output
    assert "when" in text
    assert "case fires" in text


def test_the_cases_of_the_rules_pass_and_the_graph_is_whole() -> None:
    assert "0 failed" in run("rules", "test").output
    graph = run("rules", "graph").output
    assert graph.startswith("digraph")
    assert '"cause.activations_too_large"' in graph
