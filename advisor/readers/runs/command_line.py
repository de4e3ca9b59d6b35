r"""Command lines: argparse flags in both spellings, hydra overrides, launchers, broken continuations, a command as a Python list.

>>> from advisor.library import load_library
>>> text = '''torchrun --nproc_per_node 4 --nnodes 2 train.py --model_name_or_path Qwen/Qwen2.5-7B \
...   --per_device_train_batch_size=2 --bf16 True --gradient_checkpointing'''
>>> for item in read(Document.of(text), load_library()):
...     print(item.fact, item.value)
gpu_count 8
model Qwen/Qwen2.5-7B
params_b 7.0
batch_size 2
precision bf16
gradient_checkpointing True
task train
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import re2
from msgspec.structs import replace

from advisor.facts import Observation
from advisor.library import Library
from advisor.readers.document import Document
from advisor.readers.runs.devices import node_count
from advisor.readers.runs.keys import known_key, normalised
from advisor.readers.runs.program import ids, recognised
from advisor.readers.runs.settings import ASIDE_RANK, COMMAND_RANK, Setting, observations
from advisor.readers.runs.shell import resolved, variables_of

TRIGGERS = ("-", "=")

_MAX_FLAGS = 2000
# Options that take several words.
_LISTS = (
    "target_modules",
    "lora_target",
    "lora_modules",
    "resolution",
    "img_size",
    "image_size",
    "imgsz",
    "input_size",
)
# Counts of one node's devices: the run has that many on each node.
_PER_NODE = frozenset({
    "nproc_per_node", "n_gpus_per_node", "num_gpus_per_node", "actor_num_gpus_per_node", "gpus_per_node", "ngpus_per_node",
    "gpus_per_worker",
})  # fmt: skip


@cache
def _patterns() -> dict[str, Any]:
    """No counted repeats, which make large automata; lines are short already."""
    value = r"(\"[^\"\n]*\"|'[^'\n]*'|[^\s\\,;`\"']+)"
    # After a blank, what begins with a dash is the next option, unless it is a negative number.
    following = r"(\"[^\"\n]*\"|'[^'\n]*'|-[0-9][^\s\\,;`]*|[^\s\\,;`\"'|&>-][^\s\\,;`\"']*)"
    return {
        "flag": re2.compile(
            rf"(?m)(?:^|[\s\"'`\[(,，、])(--?[A-Za-z][\w.-]*)(?:\s*=[ \t]*{value}|[ \t]+(?:\\\s*)?{following})?"
        ),
        "listed": re2.compile(r"[\"'],\s*[\"']([^\"'\n]*)[\"']"),
        "override": re2.compile(rf"(?m)(?:^|[\s\"'])\+*([a-z]\w*(?:\.\w+)+)={value}"),
        "command": re2.compile(
            r"\b(?:python[0-9.]*|torchrun|accelerate|deepspeed|swift|llamafactory-cli|xtuner|axolotl|vllm|tune|sglang|docker|srun|bash|sh|"
            r"yolo|trl|ollama|lmdeploy|megatron|nohup|uv|poetry|ray)\b|\.py\b|\.sh\b|(?:^|\s)\./"
        ),
        "denied": re2.compile(
            r"(?i)(?:without|with no|no longer|not|n't|never|remov\w+|dropp?\w*|instead of|unless|what (?:is|does)|try|should i|maybe|"
            r"不加|没有|没加|去掉|不用|未加|删掉|关闭|不使用|是否|需要|可以|建议)[^\n]{0,25}$"
        ),
        "declares": re2.compile(r"add_argument\(|click\.option|parser\.|^\s*usage:|unrecognized arguments|argparse"),
        "words": re2.compile(r"^[\w./:-]+$"),
    }


def read(doc: Document, library: Library) -> Iterator[Observation]:
    """The facts of all command lines of the text."""
    if "--" not in doc.text and " -" not in doc.text and "=" not in doc.text:
        return
    variables = variables_of(doc)
    settings = []
    nodes = 0
    for item in _flags(doc, variables):
        if not known_key(item.key, library):
            continue
        if item.key.rsplit(".", 1)[-1] in _PER_NODE and item.value.isdigit():
            nodes = nodes or node_count(doc, variables)
            item = replace(item, value=str(int(item.value) * nodes))
        settings.append(item)
    if settings:
        yield from observations(doc, settings, ids(recognised(doc, library)), library)


def _flags(doc: Document, variables: dict[str, str]) -> Iterator[Setting]:
    patterns = _patterns()
    count = 0
    for match in patterns["flag"].finditer(doc.text):
        count += 1
        if count > _MAX_FLAGS:
            return
        place = match.start(1)
        key = normalised(match.group(1))
        rank = _rank(doc, place)
        if rank == 0:
            continue
        value = match.group(2) or match.group(3) or ""
        if not value and doc.text[match.end() : match.end() + 2] in ("',", '",'):
            listed = patterns["listed"].match(doc.text, match.end())
            value = listed.group(1) if listed and not listed.group(1).startswith("--") else ""
        if key in _LISTS:
            value += _more(doc.text, match.end())
        if rank == ASIDE_RANK and not match.group(2) and not value[:1].isdigit():
            if any(ord(char) > 127 for char in value) or (value and value.lower() not in ("true", "false")):
                value = ""  # the sentence goes on
        yield Setting(key, resolved(value, variables), place, rank, context="command")
    for match in patterns["override"].finditer(doc.text):
        count += 1
        if count > _MAX_FLAGS:
            return
        if _rank(doc, match.start(1)):
            value = resolved(match.group(2), variables)
            yield Setting(normalised(match.group(1)), value, match.start(1), COMMAND_RANK, context="command")


def _more(text: str, at: int) -> str:
    """The further words of an option that takes several, up to the next option, continuation or line."""
    words: list[str] = []
    for word in text[at : at + 400].split("\n", 1)[0].split():
        if not word.replace("_", "").replace(".", "").isalnum() or len(words) == 20:
            break
        words.append(word)
    return "".join(f" {word}" for word in words)


def _rank(doc: Document, offset: int) -> int:
    """The rank of a flag where it stands: in a command, named in a sentence (less), or 0 where it is none of the run's."""
    raw = doc.raw_at(offset).lstrip(" \t>")
    # The cleaned text has lost the hash of a comment, which is also Markdown's heading.
    if raw.startswith(("//", "# -", "#-", "# export", "#export")) or (
        raw.startswith("#") and "--" in raw and not raw.startswith("#!")
    ):
        return 0
    start = doc.text.rfind("\n", 0, offset) + 1
    end = doc.text.find("\n", offset)
    line = doc.text[start : end if end >= 0 else len(doc.text)]
    before = doc.text[start:offset]
    patterns = _patterns()
    if (
        patterns["declares"].search(line)
        or (before.rstrip().endswith("[")
        and "usage" in doc.lower[max(0, start - 300) : offset])
    ):
        return 0
    hash_at = before.rfind(" #")
    if hash_at >= 0:
        return 0
    if line.lstrip(" \t\"'`$").startswith("-") or line.rstrip().endswith("\\") or patterns["command"].search(line):
        if line.count("--") > 1 or not patterns["denied"].search(before):
            return COMMAND_RANK
    if line.count("--") + line.count(" -") > 2:
        return COMMAND_RANK
    return 0 if patterns["denied"].search(before[-60:]) else ASIDE_RANK
