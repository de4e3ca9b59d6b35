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
autocast bf16
gradient_checkpointing True
task train
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import re2
from msgspec import Struct

from advisor.facts import Observation
from advisor.library import Library
from advisor.readers.document import Document
from advisor.readers.runs.keys import known_key, normalised
from advisor.readers.runs.program import ids, recognised
from advisor.readers.runs.settings import ASIDE_RANK, COMMAND_RANK, Setting, observations
from advisor.readers.runs.shell import resolved, variables_of

TRIGGERS = ("-", "=")

_MAX_FLAGS = 2000
# Words with which a sentence goes on after a flag.
_GOES_ON = frozenset({
    "and", "or", "but", "to", "in", "with", "flag", "flags", "option", "is", "was", "are", "the", "a", "for", "as", "did", "does", "helps",
    "parameter", "then", "when", "also", "still", "both",
})  # fmt: skip
_FLAGGED = (" -", "--", "'-", '"-', "\t-", "`-", "[-", "(-")
# Options that take several words.
_LISTS = (
    "target_modules",
    "lora_target_modules",
    "lora_targets",
    "lora_target",
    "lora_modules",
    "resolution",
    "img_size",
    "image_size",
    "imgsz",
    "input_size",
)


@cache
def _patterns() -> dict[str, Any]:
    """No counted repeats, which make large automata; lines are short already."""
    value = r"(\"[^\"\n]*\"|'[^'\n]*'|(?:[^\s\\;`\"'，。、]|\\[A-Za-z0-9_.\\])+)"
    # After a blank, what begins with a dash is the next option, unless it is a negative number.
    following = (
        r"(\"[^\"\n]*\"|'[^'\n]*'|-[0-9][^\s\\;`]*|[^\s\\;`\"'|&>，。、-](?:[^\s\\;`\"'，。、]|\\[A-Za-z0-9_.\\])*)"
    )
    return {
        "flag": re2.compile(
            rf"(?:^|[\s\"'`\[(,，、])(--?[A-Za-z][\w.-]*)(?:\s*=[ \t]*{value}|[ \t]+(?:\\\s*)?{following})?"
        ),
        "listed": re2.compile(r"[\"'],\s*[\"']([^\"'\n]*)[\"']"),
        "override": re2.compile(rf"(?:^|[\s\"'])\+*([a-z]\w*(?:\.\w+)+)={value}"),
        "command": re2.compile(
            r"\b(?:python[0-9.]*|torchrun|accelerate|deepspeed|swift|llamafactory-cli|xtuner|axolotl|vllm|tune|sglang|docker|srun|bash|sh|"
            r"yolo|trl|ollama|lmdeploy|megatron|nohup|uv|poetry|ray)\b|\.py\b|\.sh\b|(?:^|\s)\./"
        ),
        "denied": re2.compile(
            r"(?i)(?:without|with no|no longer|not|n't|never|remov\w+|dropp?\w*|instead of|unless|what (?:is|does)|try|should i|"
            r"maybe|default|need|do i|"
            r"不加|没有|没加|去掉|不用|未加|删掉|关闭|不使用|是否|需要|可以|建议|默认|能不能|要不要)[^\n]{0,25}$"
        ),
        "refused": re2.compile(
            r"(?i)(?:without|with no|not|n't|never|removed|removing|dropped|instead of|不加|没有|没加|去掉|不用|未加|删掉|不使用)"
            r"\s*(?:the |us(?:e|ed|ing) |pass(?:ed|ing)? |set |add(?:ed|ing)? )?[`'\"]?$"
        ),
        "declares": re2.compile(
            r"add_argument\(|click\.option|parser\.|^\s*usage:|\[-h\]|unrecognized arguments|argparse"
        ),
        "words": re2.compile(r"^[\w./:-]+$"),
    }


def read(doc: Document, library: Library) -> Iterator[Observation]:
    """The facts of all command lines of the text."""
    if "--" not in doc.text and " -" not in doc.text and "=" not in doc.text:
        return
    settings = [item for item in _flags(doc, variables_of(doc)) if known_key(item.key, library)]
    if settings:
        yield from observations(doc, settings, ids(recognised(doc, library)), library)


def _flags(doc: Document, variables: dict[str, str]) -> Iterator[Setting]:
    """The flags and overrides of each line; a value may stand on the line after a continuation."""
    patterns = _patterns()
    count = offset = 0
    is_diff = "\n+" in doc.text and "\n-" in doc.text
    for index, line in enumerate(doc.lines):
        text, start = line.text, offset
        offset += len(text) + 1
        is_flagged = text.startswith("-") or any(mark in text for mark in _FLAGGED)
        if not is_flagged and ("=" not in text or "." not in text):
            continue
        raw = line.raw.lstrip(" \t>")
        # The cleaned text has lost the hash of a comment, which is also Markdown's heading.
        if raw.startswith(("//", "# -", "#-", "# export", "#export")) or (
            raw.startswith("#") and "--" in raw and raw[1:2] != "!"
        ):
            continue
        if is_diff and text[:1] == "-" and text[1:2] != "-":
            continue  # a line that a change takes away
        place = _Place.of(text, patterns)
        if place.declares:
            continue
        for name in ("flag", "override") if is_flagged else ("override",):
            for match in patterns[name].finditer(text):
                count += 1
                if count > _MAX_FLAGS:
                    return
                rank = place.rank(match.start(1), patterns)
                if not rank:
                    continue
                if name == "override":
                    key, value = normalised(match.group(1)), match.group(2)
                else:
                    key, value = _flag(match, text, rank, patterns)
                    if not value and text[match.end() :].strip() == "\\" and index + 1 < len(doc.lines):
                        following = doc.lines[index + 1].text.strip(" \\\t")
                        is_flag = following.startswith("-") or doc.lines[index + 1].raw.lstrip().startswith("#")
                        value = "" if is_flag or " " in following else following
                value = resolved(value.rstrip(",."), variables)
                yield Setting(key, value, start + match.start(1), rank, context="command")


def _flag(match: Any, text: str, rank: int, patterns: dict[str, Any]) -> tuple[str, str]:
    """The key and the written value of a flag."""
    key = normalised(match.group(1))
    value = match.group(2) or match.group(3) or ""
    if not value and text[match.end() : match.end() + 2] in ("',", '",'):
        listed = patterns["listed"].match(text[match.end() : match.end() + 300])
        value = listed.group(1) if listed and not listed.group(1).startswith("--") else ""
    if key in _LISTS:
        value += _more(text, match.end())
    if value.lower() in _GOES_ON and not match.group(2):
        value = ""
    if rank == ASIDE_RANK and not match.group(2) and value and not value[0].isdigit():
        value = value if value.lower() in ("true", "false") else ""  # else the sentence goes on
    return key, value


def _more(text: str, at: int) -> str:
    """The further words of an option that takes several, up to the next option or continuation."""
    words: list[str] = []
    for word in text[at : at + 400].split():
        if not word.replace("_", "").replace(".", "").isalnum() or len(words) == 20:
            break
        words.append(word)
    return "".join(f" {word}" for word in words)


class _Place(Struct, frozen=True):
    """What a line is: a command, a sentence that names a flag, or a declaration of flags.

    Attributes:
        text: the line.
        is_command: it is a command or a part of one.
        flags: how many flags it holds.
        comment: where a comment begins in it, -1 without one.
        declares: it declares flags or lists them for help.
    """

    text: str
    is_command: bool
    flags: int
    comment: int
    declares: bool

    @classmethod
    def of(cls, text: str, patterns: dict[str, Any]) -> _Place:
        is_command = (
            text.lstrip(" \t\"'`$").startswith("-")
            or text.rstrip().endswith("\\")
            or patterns["command"].search(text) is not None
        )
        flags = text.count("--") + text.count(" -") - text.count(" --")
        return cls(text, is_command or flags > 2, flags, text.find(" #"), patterns["declares"].search(text) is not None)

    def rank(self, column: int, patterns: dict[str, Any]) -> int:
        """The rank of a flag at a column: in a command, named in a sentence (less), or 0 where it is none of the run's."""
        if 0 <= self.comment < column:
            return 0
        before = self.text[max(0, column - 60) : column]
        if self.is_command and self.flags > 1:
            return 0 if patterns["refused"].search(before) else COMMAND_RANK
        if patterns["denied"].search(before):
            return 0
        return COMMAND_RANK if self.is_command else ASIDE_RANK
