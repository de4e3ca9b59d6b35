"""Modelfiles, and servers in containers: options in lists, brackets and strings, and variables of the environment."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from typing import Any

import pytest
import yaml

from advisor.diagnosis import examine
from advisor.diagnosis.compose import compose
from advisor.edits.modelfile_text import MODELFILE
from advisor.edits.yaml_text import YAML
from advisor.library import load_library

LIBRARY = load_library()
MODELFILE_TEXT = """FROM qwen2.5:32b-instruct-q8_0
# for long documents
PARAMETER num_ctx 131072
PARAMETER temperature 0.7
"""
ITEMS = """services:
  vllm:
    image: vllm/vllm-openai:v0.10.0
    command:
      - --model
      - Qwen/Qwen2.5-32B-Instruct
      - --max-model-len
      - "131072"
      - --trust-remote-code
    ports: ["8000:8000"]
"""
JOINED = """    image: vllm/vllm-openai
    args:
      - --model=Qwen/Qwen2.5-32B-Instruct
      - "--max-model-len=131072"
"""
FLOW = """    image: vllm/vllm-openai
    args: ["--model", "Qwen/Qwen2.5-32B-Instruct", "--max-model-len", "131072"]
"""
STRING = """    image: vllm/vllm-openai
    command: --model Qwen/Qwen2.5-32B-Instruct --max-model-len 131072
"""
VARIABLES = """services:
  llama:
    image: ghcr.io/ggml-org/llama.cpp:server-cuda
    environment:
      - LLAMA_ARG_MODEL=/models/qwen2.5-32b-instruct-q8_0.gguf
      - LLAMA_ARG_CTX_SIZE=131072
      - LLAMA_ARG_N_GPU_LAYERS=64
"""
MAPPED = VARIABLES.replace("- ", "").replace("=", ": ")
EXPORTS = "export LLAMA_ARG_MODEL=/m/qwen2.5-32b-instruct-q8_0.gguf\nexport LLAMA_ARG_CTX_SIZE=131072\nllama-server --host 0.0.0.0\n"


@pytest.mark.parametrize(
    ("text", "framework", "others"),
    [
        (MODELFILE_TEXT, "ollama", {"quantization": "q8_0", "model": "qwen2.5:32b-instruct-q8_0"}),
        (ITEMS, "vllm", {"model": "Qwen/Qwen2.5-32B-Instruct"}),
        (JOINED, "vllm", {"model": "Qwen/Qwen2.5-32B-Instruct"}),
        (FLOW, "vllm", {"model": "Qwen/Qwen2.5-32B-Instruct"}),
        (STRING, "vllm", {"model": "Qwen/Qwen2.5-32B-Instruct"}),
        (VARIABLES, "llama.cpp", {"gpu_layers": 64, "quantization": "q8_0"}),
        (MAPPED, "llama.cpp", {"gpu_layers": 64}),
        (EXPORTS, "llama.cpp", {"quantization": "q8_0"}),
    ],
    ids=["Modelfile", "items", "joined", "flow", "string", "variables", "mapped", "exports"],
)
def test_it_is_read_and_given_back_changed(text: str, framework: str, others: dict[str, Any]) -> None:
    case = examine(text, library=LIBRARY, stated={"failure_kind": "question", "gpu_name": "RTX 4090"})
    facts = case.facts
    assert facts["framework"] == framework
    assert facts["max_model_len"] == 131072
    assert facts["params_b"] == 32
    assert {name: facts.get(name) for name in others} == others
    report = compose(case, ["reduce_max_model_len"])
    assert report.edit is not None
    assert not report.edit.rest
    removed = [row[1:] for row in report.edit.diff.splitlines() if row.startswith("-") and not row.startswith("---")]
    written = [row[1:] for row in report.edit.diff.splitlines() if row.startswith("+") and not row.startswith("+++")]
    assert len(removed) == len(written) == 1
    assert "131072" in removed[0]
    numbers = [word for word in re.findall("[0-9]+", written[0]) if removed[0].replace("131072", word) == written[0]]
    assert len(numbers) == 1
    again = examine(text.replace(removed[0], written[0]), library=LIBRARY).facts
    assert again["max_model_len"] == int(numbers[0])


@pytest.mark.parametrize("text", [ITEMS, JOINED, FLOW, STRING], ids=["items", "joined", "flow", "string"])
def test_what_is_missing_is_added_in_the_lists_own_form(text: str) -> None:
    case = examine(text, library=LIBRARY, stated={"failure_kind": "question", "gpu_name": "RTX 4090"})
    report = compose(case, ["quantize_kv_cache", "enforce_eager"])
    assert report.edit is not None
    assert set(report.edit.written) == {"quantize_kv_cache", "enforce_eager"}
    before, after = yaml.safe_load(text), yaml.safe_load(report.edit.blocks[0])
    words, now = _words(before), _words(after)
    assert now[: len(words)] == words or sorted(now) == sorted([*words, *(set(now) - set(words))])
    assert {"--enforce-eager", "--kv-cache-dtype"} <= {word.split("=")[0] for word in now}
    assert "fp8" in {part for word in now for part in word.split("=")}


def _words(data: Any) -> list[str]:
    """The command of a file, whatever its form."""
    if isinstance(data, dict):
        for name, value in data.items():
            if name in ("command", "args"):
                return value.split() if isinstance(value, str) else [str(item) for item in value]
            found = _words(value)
            if found:
                return found
    return []


def test_a_parameter_is_added_to_a_modelfile() -> None:
    case = examine(
        MODELFILE_TEXT, library=LIBRARY, stated={"failure_kind": "question", "gpu_name": "RTX 4090", "gpu_layers": 65}
    )
    report = compose(case, ["reduce_gpu_layers"])
    assert report.edit is not None
    layers = [row for row in report.edit.blocks[0].split("\n") if row.startswith("PARAMETER num_gpu ")]
    assert len(layers) == 1
    assert MODELFILE_TEXT.rstrip("\n") in report.edit.blocks[0]


def test_a_dockerfile_is_no_modelfile() -> None:
    command = '["vllm", "serve", "Qwen/Qwen2.5-7B", "--max-model-len", "8192"]'
    facts = examine(f"FROM nvidia/cuda:12.4.0-base\nRUN pip install vllm\nCMD {command}\n", library=LIBRARY).facts
    assert facts["framework"] == "vllm"
    assert facts["max_model_len"] == 8192


def test_lists_that_hold_no_options_are_left_alone() -> None:
    text = "steps:\n  - name: build\n  - run: make -j 8\nfruits:\n  - apple\n  - -5\n  - key=value\n"
    assert all(not entry.path.startswith("command.") for entry in YAML.entries(text))


def test_other_notes_of_a_modelfile_are_no_settings() -> None:
    assert [
        entry.path for entry in MODELFILE.entries('# PARAMETER num_ctx 1\nSYSTEM """\nFROM here on\n"""\nFROM a:1b\n')
    ] == ["from"]


@pytest.mark.parametrize("form", ["item", "joined", "flow"])
def test_any_option_can_be_changed_and_the_rest_stays(form: str) -> None:
    source = random.Random(form)
    for _ in range(40):
        values = ["", "7", "a/b:c", "0.95"]
        pairs = [
            (f"--opt-{index}-{source.randrange(9)}", source.choice(values)) for index in range(source.randint(1, 6))
        ]
        text = _written(pairs, form, source)
        assert yaml.safe_load(text)
        entries = [entry for entry in YAML.entries(text) if entry.path.startswith("command.")]
        assert [(entry.name, entry.value) for entry in entries] == pairs
        index = source.randrange(len(pairs))
        if not pairs[index][1]:
            continue
        after = YAML.changed(text, entries[index], 123)
        assert yaml.safe_load(after)
        again = [(entry.name, entry.value) for entry in YAML.entries(after) if entry.path.startswith("command.")]
        assert again == [*pairs[:index], (pairs[index][0], "123"), *pairs[index + 1 :]]


def _written(pairs: Sequence[tuple[str, str]], form: str, source: random.Random) -> str:
    mark = source.choice(['"', "'"])
    if form == "flow":
        words = [word for pair in pairs for word in pair if word]
        return "args: [" + ", ".join(f"{mark}{word}{mark}" for word in words) + "]\n"
    rows = []
    for name, value in pairs:
        if form == "joined":
            rows.append(f"{mark}{name}={value}{mark}" if value else name)
        else:
            rows += [name, f"{mark}{value}{mark}"] if value else [name]
    return "command:\n" + "".join(f"  - {row}\n" for row in rows)
