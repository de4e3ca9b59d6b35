"""Text with keys and values in any notation as settings: YAML by indentation, JSON, TOML and Python by brackets; never run.

>>> text = '''zero_optimization:
...   stage: 3
... args = TrainingArguments(
...     per_device_train_batch_size=4,  # was 8
... )'''
>>> for item in settings_of(Document.of(text)):
...     print(item.key, item.value, item.construct, item.context)
zero_optimization.stage 3 zero_optimization line
args TrainingArguments  line
per_device_train_batch_size 4 trainingarguments inner
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from functools import cache
from typing import Any, Literal

import re2
from msgspec import Struct

from advisor.readers.document import Document
from advisor.readers.runs.keys import normalised
from advisor.readers.runs.settings import CODE_RANK, FILE_RANK, PRINTED_RANK, Context, Setting

_MAX_PAIRS, _MAX_DEPTH, _MAX_TOKENS_A_LINE, _MAX_OPEN_LINES = 5000, 24, 600, 120
# Calls whose arguments are no settings of the run: data preparation, declarations, evaluation.
_OTHER_CALLS = frozenset({
    "map", "filter", "add_argument", "def", "field", "option", "evaluate", "predict", "generate", "test", "val", "join", "print",
    "from_dict", "load_dataset", "batch_decode", "log", "info", "isinstance", "getattr", "get", "split",
})  # fmt: skip
_PRINTED = frozenset({"namespace", "serverargs", "engineargs", "vllmconfig", "omegaconf", "attributedict", "easydict"})
_TYPES = frozenset({"int", "float", "str", "bool"})
_COMMENT = ("#", "//", ";;")


class _Level(Struct):
    """An open block: `name` is the key it belongs to, `construct` the call or section."""

    kind: Literal["indent", "bracket"]
    name: str
    construct: str
    indent: int
    line: int
    printed: bool = False


@cache
def _token() -> Any:
    """Groups: comment, string, key, separator, value, call, open, close. No counted repeats, which make large automata."""
    value = r"(\"[^\"\n]*\"|'[^'\n]*'|\$\{[A-Za-z_]\w*\}|\[[^\[\]{}\n]*\]|\([0-9 ,x]+\)|[^\s,;{}()\[\]#|\"'=]+)"
    key = r"(\"[A-Za-z_][\w.-]*\"|'[A-Za-z_][\w.-]*'|[A-Za-z_][\w.-]*)"
    return re2.compile(
        rf"(#.*)|{key}\s*(:=|=>|[:=：])[ \t]*{value}?|(\"[^\"\n]*\"|'[^'\n]*')|([A-Za-z_][\w.]*)\(|([\[{{(])|([\]}})])"
    )


@cache
def _chainer() -> Any:
    """`# Minibatch-size: 16`: Chainer's examples print their arguments so."""
    return re2.compile(r"^\s*# [A-Z][a-z]+-size: [0-9]+\s*$")


@cache
def _simple_value() -> Any:
    return re2.compile(r"(\"[^\"\n]*\"|'[^'\n]*'|[^\s,;{}()\[\]#|\"'=]+)")


@cache
def _words() -> Any:
    return re2.compile(r"[a-z_][a-z0-9_]*")


def _is_idle(text: str, words: Set[str]) -> bool:
    """Whether a line has none of the words and leaves the blocks as they were, so that it needn't be looked at closely."""
    if text.endswith((":", "：", "{", "[", "(", ",")) or any(
        text.count(opens) != text.count(closes) for opens, closes in ("()", "[]", "{}")
    ):
        return False
    return words.isdisjoint(_words().findall(text.lower().replace("-", "_")))


def settings_of(doc: Document, words: Set[str] = frozenset()) -> Iterator[Setting]:
    """All keys with a value; comments, removed lines of a diff, comparisons and declarations are left out.

    Args:
        words: the last parts of the keys that are wanted; lines without any of them may be left out.
    """
    is_diff = "\n+" in doc.text and "\n-" in doc.text
    stack: list[_Level] = []
    offset = count = number = 0
    blank = False
    for line in doc.lines:
        text = line.text
        start, offset = offset, offset + len(text) + 1
        number += 1
        body = text.lstrip(" \t-+>")
        if not body:
            blank = True
            continue
        indent = len(text) - len(text.lstrip(" \t"))
        if is_diff and text[:1] == "-" and text[1:2] not in ("", " ", "-"):
            continue  # a line that a change takes away
        # The cleaned text has lost a comment's hash, which is also Markdown's heading.
        if line.raw.lstrip(" \t>|").startswith(_COMMENT) and not _chainer().match(line.raw):
            continue
        if body.startswith(("File ", "Traceback")) or len(text) > 20000:
            stack.clear()
            continue
        if blank and indent == 0 and body[0] not in ")]}":
            stack = [level for level in stack if level.kind == "bracket" and level.printed]
        blank = False
        stack = [level for level in stack if number - level.line <= _MAX_OPEN_LINES or level.kind == "indent"]
        while stack and stack[-1].kind == "indent" and indent <= stack[-1].indent:
            stack.pop()
        if not any(char in text for char in ":=：({[]})") or (words and _is_idle(text, words)):
            continue
        for setting in _of_line(doc, text, body, start, indent, number, stack):
            count += 1
            if count > _MAX_PAIRS:
                return
            yield setting


def _of_line(
    doc: Document, text: str, body: str, start: int, indent: int, number: int, stack: list[_Level]
) -> Iterator[Setting]:
    """The settings of one line; `stack` is changed by what the line opens and closes."""
    tokens = 0
    pending = ""  # the key whose bracket comes next
    last_word = ""
    first = True
    structured = text.count(": ") + text.count("=") >= 4  # a log line of several settings
    many = text.count("=") + text.count(": ") >= 8 and len(body) > 200 and text.count(", ") >= 5
    printed_line = many or body.startswith(("training_args", "args:", "Arguments:", "Config:"))
    for match in _token().finditer(text):
        tokens += 1
        if tokens > _MAX_TOKENS_A_LINE:
            return
        comment, key, separator, value, _, call, opens, closes = match.groups()
        if comment is not None:
            if match.start() and text[match.start() - 1] not in " \t,)]}\"'":
                continue
            return
        if key is not None:
            rest = text[match.end() :]
            if separator in ("=", ":=") and not value and rest[:1] == "=":
                last_word = ""
                continue  # a comparison
            if separator in (":", "：") and rest[:2] == "//":
                continue  # a URL
            word = value.rsplit(":", 1)[-1] if value else ""
            if rest[:1] == "=" and word.isidentifier():
                # `config: model='x'`, `INFO:root:lr=1`: the word before the sign is the key.
                inner = _simple_value().match(rest[1:300])
                key, separator, value = word, "=", inner.group(1) if inner else None
                rest = rest[1 + len(value or "") :]
            name = normalised(key)
            construct = _construct(stack)
            if value and rest[:1] == "(":
                pending = f"{name}\x00{value}"  # the call that makes the value
            elif not value and rest[:1] in ("[", "{", "("):
                pending = name
            elif not value and not rest.strip(" ,\\") and separator in (":", "：") and len(stack) < _MAX_DEPTH:
                if not first and not stack:
                    continue
                stack.append(_Level("indent", name, name, indent, number))
                continue
            context: Context = (
                "inner" if any(level.kind == "bracket" for level in stack) else "line" if first else "inline"
            )
            if context == "inline" and structured:
                context = "line"
            if context == "inline" and separator == "=" and value and text[match.end(3) : match.start(4)] == "":
                context = "line"  # `key=value` without blanks is written for a program
            first = False
            if name == "type" and value and stack and stack[-1].kind == "bracket":
                stack[-1].construct = value.strip("\"'").rsplit(".", 1)[-1].lower()
            if _construct(stack, "bracket") in _OTHER_CALLS or (key.isupper() and not _is_environment(key)):
                continue
            if not value and rest[:1] == "[" and "]" not in rest:
                value = _list_at(doc.text, start + match.end())
            elif not value and pending:
                continue
            if separator == ":" and value in _TYPES and (default := rest.lstrip())[:1] == "=" and default[1:2] != "=":
                inner = _simple_value().match(default[1:].lstrip()[:300])  # an annotated field: `batch_size: int = 8`
                value, separator, rest = (inner.group(1) if inner else None), "=", ""
            if value and value.isdigit() and (operator := rest.lstrip()[:1]) in ("*", "/", "+"):
                value = _product(value, rest) if operator == "*" else ""
            if value and value.isdigit() and rest[:1] == "," and name.endswith(("resolution", "size")):
                second = rest[1:8].split(",")[0].strip().split(" ")[0]
                value += f",{second}" if second.isdigit() else ""
            rank = (
                PRINTED_RANK
                if printed_line or any(level.printed for level in stack)
                else CODE_RANK
                if "=" in separator
                else FILE_RANK
            )
            path = [*[level.name for level in stack if level.name][-3:], name]
            yield Setting(".".join(path), (value or "").strip("\"'"), start + match.start(2), rank, construct, context)
            continue
        if call is not None or opens is not None:
            name, _, callee = pending.partition("\x00")
            word = (call or callee or "").rsplit(".", 1)[-1].lower()
            before = text[: match.start()].rstrip()
            if before.endswith(("def", "class")) or last_word == "def":
                word = "def"
            keeps = not callee or word in ("dict", "configdict", "edict", "dictconfig")
            printed = word in _PRINTED or (word.endswith("arguments") and "_n_gpu" in doc.text[start : start + 4000])
            if len(stack) < _MAX_DEPTH:
                stack.append(_Level("bracket", name if keeps else "", word or name, indent, number, printed))
            pending = ""
        elif closes is not None:
            while stack and stack[-1].kind == "indent":
                stack.pop()
            if stack:
                stack.pop()
        first = first and call is None and closes is None


def _product(value: str, rest: str) -> str:
    """`5 * 8` is a number that people write out; other arithmetic is left alone."""
    words = rest.split("#")[0].strip(" ,;)").split()
    if len(words) == 2 and words[0] == "*" and words[1].isdigit() and len(value) + len(words[1]) < 12:
        return str(int(value) * int(words[1]))
    return ""


def _construct(stack: list[_Level], kind: str = "") -> str:
    """The nearest call or section (of one kind, if it is given); `dict(` is looked through."""
    for level in reversed(stack):
        if level.construct and kind in ("", level.kind) and level.construct not in ("dict", "configdict"):
            return level.construct
    return ""


def _is_environment(key: str) -> bool:
    """Whether a name in capitals is read by programs; others are variables of a script, which a flag may use or not."""
    return any(word in key for word in ("PIXELS", "TOKEN", "PER_DEVICE", "MICRO_", "N_SAMPLES", "NFRAMES"))


def _list_at(text: str, at: int) -> str:
    """The items of a list that goes over several lines, at most 1000 characters."""
    end = text.find("]", at, at + 1000)
    return "" if end < 0 else " ".join(text[at + 1 : end].split())
