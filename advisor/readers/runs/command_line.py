r"""Command lines: argparse flags in both spellings, hydra overrides, launchers, environment variables, broken continuations.

>>> from advisor.library import load_library
>>> text = '''NPROC_PER_NODE=4 torchrun --nproc_per_node 4 train.py --model_name_or_path Qwen/Qwen2.5-7B \
...   --per_device_train_batch_size=2 --bf16 True --gradient_checkpointing'''
>>> for item in read(Document.of(text), load_library()):
...     print(item.fact, item.value)
gpu_count 4
model Qwen/Qwen2.5-7B
params_b 7.0
batch_size 2
precision bf16
gradient_checkpointing True
gpu_count 4
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import re2

from advisor.facts import Observation
from advisor.library import Library
from advisor.readers.document import Document
from advisor.readers.runs.program import ids, recognised
from advisor.readers.runs.settings import Setting, known_key, normalised, observations

TRIGGERS = ("--", "=", "python", "run", "swift", "serve")

RANK = 70
_MAX_FLAGS = 2000
_LISTS = ("target_modules", "target-modules", "lora_target", "lora-target", "lora_modules")
_ALLOCATOR = ("PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_ALLOC_CONF", "PYTORCH_HIP_ALLOC_CONF")


@cache
def _patterns() -> dict[str, Any]:
    """No counted repeats, which make large automata; lines are short already."""
    value = r"(\"[^\"\n]*\"|'[^'\n]*'|[^\s\\,;`]+)"
    # After a blank, what begins with a dash is the next option, unless it is a negative number.
    following = r"(\"[^\"\n]*\"|'[^'\n]*'|-[0-9][^\s\\,;`]*|[^\s\\,;`-][^\s\\,;`]*)"
    return {
        "flag": re2.compile(
            rf"(?m)(?:^|[\s\"'`\[(,])(--?[A-Za-z][\w.-]+)(?:\s*=\s*{value}|[ \t]+(?:\\\s*)?{following})?"
        ),
        "override": re2.compile(rf"(?m)(?:^|\s)\+*([a-z]\w*(?:\.\w+)+)={value}"),
        "variable": re2.compile(r"(?m)(?:^|[\s;])(?:export\s+)?([A-Z][A-Z0-9_]+)=(\"[^\"\n]*\"|'[^'\n]*'|[^\s\\;`]+)"),
        "lower_variable": re2.compile(r"(?m)^\s*(?:export\s+)?([a-z]\w+)=([\w./-]+)\s*$"),
        "include": re2.compile(r"--include[= ]+[\"']?([\w.]+:[0-9]+(?:,[0-9]+)*)"),
        "nodes": re2.compile(r"--n(?:um_)?nodes[= ]+[\"']?([0-9]{1,4})"),
    }


def read(doc: Document, library: Library) -> Iterator[Observation]:
    """The facts of all command lines of the text."""
    patterns = _patterns()
    variables = _variables(doc, patterns)
    settings = [item for item in _flags(doc, patterns, variables) if known_key(item.key, library)]
    yield from observations(doc, settings, ids(recognised(doc, library)), library)
    yield from _devices(doc, patterns)


def _variables(doc: Document, patterns: dict[str, Any]) -> dict[str, str]:
    """Simple shell assignments, to resolve `--batch_size $BS`."""
    found: dict[str, str] = {}
    for name in ("variable", "lower_variable"):
        for match in patterns[name].finditer(doc.text):
            found[match.group(1)] = match.group(2).strip("\"'")
            if len(found) > _MAX_FLAGS:
                return found
    return found


def _flags(doc: Document, patterns: dict[str, Any], variables: dict[str, str]) -> Iterator[Setting]:
    count = 0
    for match in patterns["flag"].finditer(doc.text):
        count += 1
        if count > _MAX_FLAGS:
            return
        name = match.group(1)
        place = match.start(1)
        if (not name.startswith("--") and len(name) < 4) or _commented(doc, place):
            continue
        value = match.group(2) or match.group(3) or ""
        if match.group(3) and ((value.startswith("-") and not value[1:2].isdigit()) or value in ("\\", "|", "&&", ">")):
            value = ""
        if name.endswith(_LISTS):
            value += _more(doc.text, match.end())
        yield Setting(normalised(name), _resolved(value, variables), place, RANK)
    for match in patterns["override"].finditer(doc.text):
        count += 1
        if count > _MAX_FLAGS:
            return
        if not _commented(doc, match.start(1)):
            yield Setting(normalised(match.group(1)), _resolved(match.group(2), variables), match.start(1), RANK)


def _more(text: str, at: int) -> str:
    """The further words of an option that takes several, up to the next option, continuation or line."""
    words: list[str] = []
    for word in text[at : at + 400].split("\n", 1)[0].split():
        if not word.replace("_", "").replace(".", "").isalnum() or len(words) == 20:
            break
        words.append(word)
    return "".join(f" {word}" for word in words)


def _resolved(value: str, variables: dict[str, str]) -> str:
    text = value.strip("\"'")
    if text.startswith("$"):
        return variables.get(text.strip("${}"), text)
    return text


def _commented(doc: Document, offset: int) -> bool:
    """Whether the line is a comment; the cleaned text has lost the hash, which is also Markdown's heading."""
    raw = doc.raw_at(offset).lstrip(" \t>")
    return raw.startswith(("# -", "#-", "//", "# export", "#export")) or (raw.startswith("#") and "--" in raw)


def _devices(doc: Document, patterns: dict[str, Any]) -> Iterator[Observation]:
    """The number of devices that launchers and variables say: CUDA_VISIBLE_DEVICES, --include, processes per node x nodes."""
    nodes = patterns["nodes"].search(doc.text)
    count = int(nodes.group(1)) if nodes else 1
    for match in patterns["variable"].finditer(doc.text):
        name, value = match.group(1), match.group(2).strip("\"'")
        place = match.start(1)
        if _commented(doc, place):
            continue
        number = 0
        if (
            name in ("CUDA_VISIBLE_DEVICES", "ASCEND_RT_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")
            and value.replace(",", "").isdigit()
        ):
            number = len([part for part in value.split(",") if part])
        elif name in ("NPROC_PER_NODE", "GPUS_PER_NODE", "NUM_GPUS", "GPU_NUM", "GPUS") and value.isdigit():
            number = int(value)
        elif name in _ALLOCATOR and "expandable_segments:true" in value.lower() and "to avoid" not in doc.quote(place):
            # PyTorch's own advice says the same words; only a line of its own or a command sets it.
            line, quote = doc.line_at(place), doc.quote(place)
            yield Observation("signal", "alloc_conf_expandable_set", line, quote, rank=RANK)
            yield Observation("tried", "alloc_conf_expandable", line, quote, rank=RANK)
        if 0 < number <= 1024:
            total = number * count if count <= 64 else number
            yield Observation("gpu_count", total, doc.line_at(place), doc.quote(place), rank=RANK - 2)
    include = patterns["include"].search(doc.text)
    if include is not None:
        number = include.group(1).count(",") + 1
        yield Observation("gpu_count", number, doc.line_at(include.start()), doc.quote(include.start()), rank=RANK)
