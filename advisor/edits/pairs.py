"""What a change says, as settings: `--a 1 --b`, `a: 1`, `"a": {"b": 1}`, `a = 1`, `Trainer(a=1)`, `export A=1`.

>>> [(pair.path, pair.value) for pair in pairs_of(Change("x", "--use_peft --lora_r 16"))]
[(('use_peft',), True), (('lora_r',), 16)]
>>> [(pair.path, pair.value) for pair in pairs_of(Change("x", '"zero_optimization": {"stage": 3}', "json"))]
[(('zero_optimization', 'stage'), 3)]
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from advisor.edits.command import is_option, tokens_of
from advisor.edits.entry import Raw, Value, normalised, unquoted, value_of
from advisor.edits.python_text import PYTHON
from advisor.edits.python_text import written as python_written
from advisor.edits.toml_text import TOML
from advisor.edits.toml_text import written as toml_written
from advisor.edits.yaml_text import YAML
from advisor.edits.yaml_text import written as yaml_written
from advisor.report import Change

# Words in changes that stand for a name of one's own.
_PLACEHOLDERS = frozenset({"ID", "MODEL", "CONFIG", "CHECKPOINT", "DATASET", "ORG", "CONFIG.yaml", "FILE", "FOLDER"})


_SET_PARAMETER = "/set parameter "


class Pair(Struct, frozen=True):
    """A setting that a change wants.

    Attributes:
        path: the key, one part for each level.
        value: True for a switch that stands alone.
        dashes: what stands before the key on a command line: `--`, `-`, nothing for `key=value`.
        construct: the call in which it stands, lower case.
        is_variable: an environment variable.
        is_switch: a switch that stands alone.
    """

    path: tuple[str, ...]
    value: Value
    dashes: str = "--"
    construct: str = ""
    is_variable: bool = False
    is_switch: bool = False

    @property
    def key(self) -> str:
        return ".".join(normalised(part) for part in self.path)

    @property
    def is_known(self) -> bool:
        """Whether the value is one that can be written down, not a name to fill in."""
        if not isinstance(self.value, str):
            return True
        words = self.value.replace("/", " ").replace(":", " ").replace("-", " ").split()
        return "<" not in self.value and _PLACEHOLDERS.isdisjoint(words)


def pairs_of(change: Change) -> tuple[Pair, ...]:
    """The settings of a change; empty where it is more than settings: code, a command of its own, prose."""
    text = change.text.strip()
    readers = {"flag": _flags, "yaml": _yaml, "json": _json, "toml": _toml, "python": _python, "env": _env}
    reader = readers.get(change.kind) if not text.startswith(_SET_PARAMETER) else _parameter
    if reader is None or "..." in text:
        return ()
    try:
        return tuple(reader(text))
    except (ValueError, SyntaxError, RecursionError):
        return ()


def respelled(change: Change, kind: str) -> Change:
    """A change of flags as the settings of a configuration file; the change itself where it is anything else.

    >>> respelled(Change("transformers", "--deepspeed ds.json --bf16"), "yaml").text
    'deepspeed: ds.json\\nbf16: true'
    """
    pairs = pairs_of(change) if change.kind == "flag" else ()
    if not pairs or any(len(pair.path) != 1 or pair.dashes != "--" or "." in pair.path[0] for pair in pairs):
        return change
    write = {
        "yaml": lambda key, value: f"{key}: {yaml_written(value, '', '')}",
        "toml": lambda key, value: f"{key} = {toml_written(value, '')}",
        "python": lambda key, value: f"{key} = {python_written(value, '')}",
    }.get(kind)
    if write is None:
        return change
    rows = [write(pair.path[0].replace("-", "_"), pair.value) for pair in pairs]
    return replace(change, text="\n".join(rows), kind=kind)


def _parameter(text: str) -> Iterator[Pair]:
    """Ollama's `/set parameter num_ctx 8192`, which a Modelfile has as `PARAMETER num_ctx 8192`."""
    words = text.removeprefix(_SET_PARAMETER).split()
    if len(words) == 2:
        yield Pair((words[0],), value_of(words[1]), "", construct="modelfile")


def _flags(text: str) -> Iterator[Pair]:
    words = [token.text for token in tokens_of(text)]
    index = 0
    while index < len(words):
        word = words[index]
        index += 1
        name, sign, written = word.partition("=")
        dashes = word[: len(word) - len(word.lstrip("-"))]
        if is_option(word):
            values = []
            while not sign and index < len(words) and not is_option(words[index]) and not _is_override(words[index]):
                values.append(words[index])
                index += 1
            if sign or values:
                value: Value = value_of(written) if sign else value_of(" ".join(values))
                yield Pair((name.lstrip("-"),), _kept(value, written if sign else values[0]), dashes)
            else:
                yield Pair((name.lstrip("-"),), True, dashes, is_switch=True)
        elif sign:
            yield Pair((name,), _kept(value_of(written), written), "")
        elif word[0].isupper() and "." in word and index < len(words):
            yield Pair((word,), value_of(words[index]), "upper")
            index += 1
        else:
            raise ValueError(word)


def _kept(value: Value, written: str) -> Value:
    """A value with blanks or brackets keeps its quotes."""
    if isinstance(value, str) and written[:1] in ("'", '"') and any(char in value for char in " {[("):
        return Raw(written)
    return value


def _is_override(word: str) -> bool:
    name, sign, _ = word.partition("=")
    return bool(sign) and name[:1].isalpha()


def _yaml(text: str) -> Iterator[Pair]:
    if "\n  -" in text or "\n-" in text:
        raise ValueError("a list")
    for entry in YAML.entries(text):
        if not entry.is_bare:
            yield Pair((*entry.path.split(".")[:-1], unquoted(entry.name)), value_of(text[entry.at : entry.to]))


def _toml(text: str) -> Iterator[Pair]:
    for entry in TOML.entries(text):
        written = text[entry.at : entry.to]
        value = Raw(written) if written[:1] == "[" else value_of(written)
        yield Pair((*entry.path.split(".")[:-1], entry.name), value)


def _json(text: str) -> Iterator[Pair]:
    yield from _leaves(json.loads(text if text.startswith("{") else "{" + text + "}"), ())


def _leaves(data: Any, path: tuple[str, ...]) -> Iterator[Pair]:
    for name, value in data.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*path, name))
        elif isinstance(value, bool | int | float | str):
            yield Pair((*path, name), value)


def _python(text: str) -> Iterator[Pair]:
    tree = ast.parse(text)
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            raise ValueError("an import")  # a change of code, not of a setting
        if isinstance(node, ast.Expr) and not (
            isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Name)
        ):
            raise ValueError("code")
        if not isinstance(node, ast.Expr | ast.Assign | ast.AnnAssign):
            raise ValueError("code")
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and node.value.args:
            raise ValueError("a call with positions")
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call) and _is_code(node.value):
            raise ValueError("code")
    for entry in PYTHON.entries(text):
        written = text[entry.at : entry.to]
        value = value_of(written)
        if isinstance(value, str) and unquoted(written) == written:
            value = Raw(written)
        yield Pair((*entry.path.split(".")[:-1], entry.name), value, construct=entry.construct)


def _is_code(call: ast.Call) -> bool:
    return not (isinstance(call.func, ast.Name) and call.func.id == "dict")


def _env(text: str) -> Iterator[Pair]:
    words = [word for word in text.split() if word not in ("export", "set")]
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or not name.replace("_", "").isupper():
            break
        yield Pair((name,), value, "", is_variable=True)
