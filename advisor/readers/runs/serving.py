"""What servers are told and print beside flags: the model after a subcommand, a Modelfile's parameters, llama.cpp's own lines.

>>> from advisor.library import load_library
>>> doc = Document.of("vllm serve Qwen/Qwen2.5-7B-Instruct --port 8000")
>>> [(item.fact, item.value) for item in read(doc, load_library())]
[('model', 'Qwen/Qwen2.5-7B-Instruct'), ('params_b', 7.0)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import re2

from advisor.errors import FactError
from advisor.facts import Observation, check_fact
from advisor.library import Library
from advisor.readers.document import Document
from advisor.readers.runs.settings import COMMAND_RANK, PRINTED_RANK, of_model
from advisor.readers.runs.shell import variables_of
from advisor.readers.runs.values import model_name

TRIGGERS = (
    "serve", "ollama", "parameter num", "n_ctx", "offload", "n_seq_max", "tune run", "tune ls", "--config", "chat --model", "lms load",
    "swift infer", ".llamafile", ".gguf", "litgpt", ".py ", "model", "mlc_llm", "sglang", "xinference",
)  # fmt: skip
_MAX = 200
_MAX_SCRIPTS, _MAX_WORDS = 20, 8
_ARGUMENT_RANK = 44
_VARIABLES = frozenset(
    {"MODEL_ID", "HF_MODEL_ID", "MODEL_NAME", "MODEL_PATH", "BASE_MODEL", "MODEL", "MODEL_NAME_OR_PATH", "HF_MODEL"}
)
_FILES = (
    ".py",
    ".json",
    ".jsonl",
    ".yaml",
    ".yml",
    ".sh",
    ".txt",
    ".csv",
    ".jpg",
    ".png",
    ".mp4",
    ".wav",
    ".toml",
    ".parquet",
)


@cache
def _patterns() -> dict[str, Any]:
    named = r"[\"']?([\w./:@+~-]+)"
    return {
        "model": re2.compile(
            rf"(?:vllm serve|sglang serve|lmdeploy (?:serve (?:api_server|gradio)|chat(?: turbomind| torch)?)|mlc_llm (?:serve|"
            rf"chat)|lms load)"
            rf"[ \t]+{named}|litgpt (?:finetune\w*|pretrain|chat|generate|serve)[ \t]+{named}|ollama (?:run|pull|"
            rf"create)[ \t]+{named}|ollama serve[^\n]*?model=([\w.:/-]+)|"
            r"(?:^|[\s/])([\w.-]+)\.llamafile\b"
        ),
        "gguf": re2.compile(r"(?:from|model|path)[ =:]+[\"']?([\w./\\:-]+)\.gguf\b"),
        "recipe": re2.compile(r"--config[= ]+((?:llama|qwen|mistral|gemma|phi|code_llama)[\w.]*/[0-9.]+B)_\w+"),
        "script": re2.compile(r"\.py[ \t]+([^\n|&>]+)"),
        "modelfile": re2.compile(r"(?m)^\s*PARAMETER\s+(num_ctx|num_gpu|num_batch)\s+([0-9]+)"),
        "from": re2.compile(r"(?m)^\s*FROM[ \t]+([\w./:~-]+)\s*$"),
        "n_ctx": re2.compile(r"\bn_ctx\s*=\s*([0-9]+)"),
        "slots": re2.compile(r"\bn_seq_max\s*=\s*([0-9]+)"),
        "layers": re2.compile(r"offloaded\s+([0-9]+)\s*/\s*[0-9]+\s+layers to GPU"),
    }


def read(doc: Document, library: Library) -> Iterator[Observation]:
    """The model and the sizes; each value is checked."""
    patterns = _patterns()
    for count, match in enumerate(patterns["model"].finditer(doc.text)):
        if count == _MAX:
            break
        written = next((group for group in match.groups() if group), "")
        place = match.start()
        name = written if match.group(3) or match.group(4) else model_name(written, library)
        if name and not name.startswith("-") and any(char.isalnum() for char in name):
            yield from _model(doc, name, place, library, COMMAND_RANK)
    yield from _named_in_shell(doc, library)
    match = patterns["gguf"].search(doc.text)
    if match is not None and (name := model_name(match.group(1), library)) is not None and "sha256" not in name:
        yield from _model(doc, name, match.start(1), library, COMMAND_RANK - 2)
    match = patterns["recipe"].search(doc.text)
    if match is not None:
        yield from _model(doc, match.group(1), match.start(1), library, COMMAND_RANK - 5)
    if "PARAMETER" in doc.text or "ollama" in doc.lower:  # else it may be a Dockerfile's
        match = patterns["from"].search(doc.text)
        if match is not None and (name := model_name(match.group(1).removesuffix(".gguf"), library)) is not None:
            yield from _model(doc, name, match.start(1), library, COMMAND_RANK)
    facts = {"num_ctx": "max_model_len", "num_gpu": "gpu_layers", "num_batch": "batch_size"}
    for count, match in enumerate(patterns["modelfile"].finditer(doc.text)):
        if count == _MAX:
            break
        yield from _number(doc, facts[match.group(1)], match.group(2), match.start(1))
    for name, fact in (("n_ctx", "max_model_len"), ("slots", "concurrency"), ("layers", "gpu_layers")):
        match = patterns[name].search(doc.text)
        if match is not None:
            yield from _number(doc, fact, match.group(1), match.start())


def _named_in_shell(doc: Document, library: Library) -> Iterator[Observation]:
    """A model in a variable of the environment, or as a path among a script's plain arguments."""
    for name, value in variables_of(doc).items():
        if name in _VARIABLES and (model := model_name(value, library, known_only=True)) is not None:
            place = max(0, doc.text.find(f"{name}="))
            yield from _model(doc, model, place, library, _ARGUMENT_RANK + 4)
    for count, match in enumerate(_patterns()["script"].finditer(doc.text)):
        if count == _MAX_SCRIPTS:
            return
        for word in match.group(1).split()[:_MAX_WORDS]:
            if word.startswith("-"):
                break  # a word after it may be the value of the option
            if (
                "/" in word
                and not word.endswith(_FILES)
                and (model := model_name(word, library, known_only=True)) is not None
            ):
                yield from _model(doc, model, match.start(1), library, _ARGUMENT_RANK)


def _model(doc: Document, name: str, place: int, library: Library, rank: int) -> Iterator[Observation]:
    line, quote = doc.line_at(place), doc.quote(place)
    yield Observation("model", name, line, quote, rank=rank)
    for fact, meaning in of_model(name, library, rank).items():
        yield Observation(fact, meaning.value, line, quote, rank=meaning.rank)


def _number(doc: Document, fact: str, text: str, place: int) -> Iterator[Observation]:
    try:
        value = check_fact(fact, text)
    except FactError:
        return
    yield Observation(fact, value, doc.line_at(place), doc.quote(place), rank=PRINTED_RANK)
