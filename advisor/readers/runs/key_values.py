r"""Configurations as text: YAML, JSON and TOML files, Python settings and calls, printed dictionaries, namespaces and arguments. Never run.

>>> from advisor.library import load_library
>>> text = '''
... ### method
... finetuning_type: lora
... lora_rank: 8
... per_device_train_batch_size: 1   # was 4
... # gradient_checkpointing: true
... zero_optimization:
...   stage: 3
...   offload_optimizer: {device: cpu}
... '''
>>> for item in read(Document.of(text), load_library()):
...     print(item.fact, item.value)
method lora
lora_rank 8
batch_size 1
zero_stage 3
offload optimizer
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
from advisor.readers.runs.settings import Setting, is_plain, known_key, normalised, observations

TRIGGERS = (":", "=")

FILE_RANK, CODE_RANK, PRINTED_RANK = 60, 55, 80
_MAX_PAIRS = 5000
_MAX_DEPTH = 12


@cache
def _pattern() -> Any:
    """Groups: key, separator, value. No counted repeats, which make large automata; lines are short already."""
    value = r"(\"[^\"\n]*\"|'[^'\n]*'|\[[^\]\n]*\]|\([0-9 ,x]+\)|[^\s,;{}()\[\]#|]+)"
    key = r"(\"[A-Za-z_][\w.-]*\"|'[A-Za-z_][\w.-]*'|[A-Za-z_][\w.-]*)"
    return re2.compile(rf"{key}\s*(:=|=>|[:=：])[ \t]*(?:{value})?")


def read(doc: Document, library: Library) -> Iterator[Observation]:
    """The facts of everything that is written as key and value."""
    settings = [item for item in _pairs(doc) if known_key(item.key, library)]
    frameworks = ids(recognised(doc, library))
    if not frameworks and sum(is_plain(item.key, library) for item in settings) >= 2:
        frameworks = ["pytorch"]  # beside keys that can mean nothing else, the vague ones are settings too
    yield from observations(doc, settings, frameworks, library)


def _pairs(doc: Document) -> Iterator[Setting]:
    """Keys with values, nested keys joined by dots: by indentation, or by braces within a line and across lines."""
    pattern = _pattern()
    is_diff = "\n+" in doc.text and "\n-" in doc.text
    outer: list[tuple[int, str]] = []  # indentation and key of the YAML or JSON blocks that are open
    offset = 0
    count = 0
    for line in doc.lines:
        text = line.text
        start, offset = offset, offset + len(text) + 1
        body = text.lstrip(" \t-+")
        if not body or body.startswith(("File ", "--")):
            continue
        if is_diff and text[:1] == "-" and text[1:2].isalpha():
            continue  # a line that a change takes away
        # The cleaned text has lost a comment's hash, which is also Markdown's heading.
        if line.raw.lstrip(" \t>").startswith(("#", "//")):
            continue
        indent = len(text) - len(body)
        matches = list(pattern.finditer(text))
        if not matches or len(matches) > 200:
            continue
        while outer and indent <= outer[-1][0]:
            outer.pop()
        printed = _is_printed(body, len(matches))
        braces: list[str] = []
        position = 0
        for match in matches:
            count += 1
            if count > _MAX_PAIRS:
                return
            between = text[position : match.start()]
            position = match.end()
            if "#" in between and not between.lstrip().startswith(("'", '"')):
                break  # the rest of the line is a comment
            for char in between:
                if char in "{[(":
                    braces.append("")
                elif char in "}])" and braces:
                    braces.pop()
            if match.group(1).isupper() and not any(
                word in match.group(1) for word in ("PIXELS", "TOKEN", "PER_DEVICE", "MICRO_BATCH")
            ):
                continue  # a variable of a script, which a flag may use or not
            key = normalised(match.group(1))
            value = (match.group(3) or "").strip()
            separator = match.group(2)
            if separator in ("=", ":=") and text[match.end(2) : match.end(2) + 1] == "=":
                continue  # a comparison
            opens = not value and text[match.end() : match.end() + 1] in ("{", "[", "(", "")
            path = [name for _, name in outer if name] + [name for name in braces if name] + [key]
            if opens:
                if text[match.end() : match.end() + 1] in ("{",) and "}" in text[match.end() :]:
                    braces.append(key)
                    position = match.end() + 1
                elif len(outer) < _MAX_DEPTH and match is matches[-1]:
                    outer.append((indent, key))
                continue
            rank = (
                PRINTED_RANK
                if printed
                else CODE_RANK
                if separator in ("=", ":=") and not body.startswith(key)
                else FILE_RANK
            )
            if separator == "=" and not printed:
                rank = CODE_RANK
            yield Setting(".".join(path[-4:]), value.strip("\"'"), start + match.start(1), rank)


def _is_printed(body: str, pairs: int) -> bool:
    """A program's own print of its configuration: Namespace(...), a long dictionary, or many pairs in one line."""
    return body.startswith(("Namespace(", "TrainingArguments(", "training_args", "args:", "Arguments:")) or (
        pairs >= 8 and len(body) > 200
    )
