"""The command line of a text with the changes written into it, ready to be run again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import re2
from msgspec import Struct

from advisor.report import Change

MAX_LINES = 5_000  # of the text, from each end
MAX_COMMAND = 20_000  # characters
_LAUNCHERS = frozenset(
    {"python", "python3", "torchrun", "accelerate", "deepspeed", "trl", "swift", "llamafactory-cli", "vllm", "srun", "tune", "axolotl",
     "lmdeploy", "xtuner", "litgpt", "lerobot-train", "llama-server", "llama-cli", "bash", "sh", "uv", "ray", "megatron", "yolo"}
)  # fmt: skip
_PROMPT = re2.compile(r"^\s*(?:\([\w.-]+\)\s*)?(?:[\w.@~:/-]*[$#>%]\s+)?")
_VARIABLE = re2.compile(r"^[A-Z][A-Z0-9_]*=\S*$")
_FLAG = re2.compile(r"(?:^|\s)--?[A-Za-z][\w.-]*")
_ON = {"false": "true", "False": "True", "0": "1", "no": "yes", "off": "on"}
_NAME = re2.compile(r"(?:^|\s)(--?|\+*)([A-Za-z][\w.-]*)(=?)")
_PAIR = re2.compile(r"^\s*([A-Za-z][\w.]*)\s*[=:]\s*([\w./+-]+|\"[^\"]*\"|'[^']*')\s*$")


class Changed(Struct, frozen=True):
    """The command with the changes in it, and the changes that can't be written into a command line."""

    command: str
    rest: tuple[Change, ...]


def command_of(text: str) -> str:
    """The command with most options that the text shows, its continuation lines included; empty when there is none.

    >>> command_of("$ trl sft --bf16 true \\\\\\n    --per_device_train_batch_size 4\\nTraceback ...")
    'trl sft --bf16 true \\\\\\n    --per_device_train_batch_size 4'
    """
    lines = text.split("\n")
    if len(lines) > 2 * MAX_LINES:
        lines = [*lines[:MAX_LINES], *lines[-MAX_LINES:]]
    best, most = "", 0
    index = 0
    while index < len(lines):
        first = str(_PROMPT.sub("", lines[index], count=1)) if len(lines[index]) < MAX_COMMAND else ""
        if not _starts(first):
            index += 1
            continue
        rows = [first.rstrip()]
        index += 1
        while rows[-1].endswith("\\") and index < len(lines) and sum(map(len, rows)) < MAX_COMMAND:
            rows.append(lines[index].rstrip())
            index += 1
        command = "\n".join(rows).rstrip("\\ \n")
        options = len(_FLAG.findall(command))
        if options > most:
            best, most = command, options
    return best


def _starts(line: str) -> bool:
    words = line.split()
    while words and (_VARIABLE.match(words[0]) or words[0] in ("nohup", "sudo", "env", "time", "export")):
        words = words[1:]
    return bool(words) and words[0].rsplit("/", 1)[-1] in _LAUNCHERS and len(words) > 1


def changed(command: str, changes: Iterable[Change]) -> Changed:
    """The command with each option of `changes` set: in its place where the command has it, else at the end.

    A setting of Python or YAML (`key=value`) is written in where the command has an option of that name.

    >>> changed("train --batch_size=4 --bf16", [Change("x", "--batch-size 2 --grad_accum 8")]).command
    'train --batch_size=2 --bf16 --grad_accum 8'
    """
    rest: list[Change] = []
    added: list[str] = []
    for change in changes:
        pairs = _options(change.text) if change.kind == "flag" else _pairs(change.text)
        if not pairs or (change.kind != "flag" and any(not _place(command, name) for name, _ in pairs)):
            rest.append(change)
            continue
        for name, value in pairs:
            if _place(command, name):
                command = _set(command, name, value)
            else:
                added.append(f"--{name} {value}".rstrip() if change.text.startswith("-") else f"{name}={value}")
    if added:
        joint = " \\\n    " if "\n" in command else " "
        command += joint + " ".join(added)
    return Changed(command, tuple(rest))


def _options(text: str) -> list[tuple[str, str]]:
    """`--a 1 --b` and `a.b=1` as pairs; empty when the text is neither."""
    pairs: list[tuple[str, str]] = []
    for word in text.split():
        if word.startswith("-") and not word[1:2].isdigit():
            name, _, value = word.lstrip("-").partition("=")
            pairs.append((name, value))
        elif "=" in word and not (pairs and not pairs[-1][1] and text.startswith("-")):
            name, _, value = word.partition("=")
            pairs.append((name.lstrip("+"), value))
        elif pairs and text.startswith("-"):
            pairs[-1] = (pairs[-1][0], f"{pairs[-1][1]} {word}".strip())
        else:
            return []
    return pairs


def _pairs(text: str) -> list[tuple[str, str]]:
    found = [_PAIR.match(line) for line in text.split("\n") if line.strip()]
    return [(match.group(1), match.group(2)) for match in found if match] if all(found) else []


def _place(command: str, name: str) -> tuple[int, int, int] | None:
    """Where an option stands: start of its name, end of its name, end of its value."""
    key = name.replace("-", "_")
    for match in _NAME.finditer(command):
        dashes, found, after = match.group(1), match.group(2), match.group(3)
        if found.replace("-", "_") != key or (not dashes.startswith("-") and after != "="):
            continue
        start, end = match.start(2), match.end(2)
        if after == "=":
            return start, end, _word_end(command, end + 1)
        stop = end
        cursor = _blank_end(command, end)
        while cursor < len(command) and not _ends_value(command, cursor):
            after_word = _word_end(command, cursor)
            if after_word == cursor:
                break
            stop = after_word
            cursor = _blank_end(command, stop)
        return start, end, stop
    return None


def _ends_value(command: str, at: int) -> bool:
    """Whether the next option, a continuation or a line's end stands here; a negative number is a value."""
    if command[at] == "-":
        return not (command[at + 1 : at + 2].isdigit() or command[at + 1 : at + 2] == ".")
    return command[at] in "\\\n|;&>"


def _blank_end(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t":
        at += 1
    return at


def _word_end(text: str, at: int) -> int:
    if at < len(text) and text[at] in "\"'":
        closing = text.find(text[at], at + 1)
        return len(text) if closing < 0 else closing + 1
    while at < len(text) and not text[at].isspace():
        at += 1
    return at


def _set(command: str, name: str, value: str) -> str:
    place = _place(command, name)
    if place is None:
        return command
    _, end, stop = place
    if not value:  # a bare option: only a value that switches it off has to go
        value = _ON.get(command[end:stop].strip(" \t=\"'"), "")
        if not value:
            return command
    if command[end : end + 1] == "=":
        return f"{command[: end + 1]}{value}{command[stop:]}"
    return f"{command[:end]} {value}{command[stop:]}"


def written(changes: Sequence[tuple[str, Sequence[Change]]], text: str) -> str:
    """What to copy: the changed command where the text has one, then what could not be written into it, each under its title."""
    command = command_of(text)
    blocks: list[str] = []
    rest: dict[str, tuple[Change, ...]] = {}
    for title, rows in changes:
        first = rows[:1]  # the first is the one to take; the others are other ways to the same setting
        if command:
            done = changed(command, first)
            if not done.rest:
                command = done.command
                continue
        rest[title] = tuple(first)
    if command and len(rest) < len(changes):
        blocks.append(command)
    for title, rows in rest.items():
        blocks.append("\n".join([f"# {title}", *(row.text for row in rows)]))
    return "\n\n".join(blocks)
