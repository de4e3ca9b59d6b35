"""Python as text: assignments, keywords of calls and literal dictionaries, found by `ast`, written in place; never run.

>>> text = "args = TrainingArguments(\\n    per_device_train_batch_size=4,  # was 8\\n    bf16=True,\\n)\\n"
>>> [(item.path, item.value, item.construct) for item in PYTHON.entries(text)]
[('per_device_train_batch_size', '4', 'trainingarguments'), ('bf16', 'True', 'trainingarguments')]
>>> print(PYTHON.added(text, ["gradient_checkpointing"], True, PYTHON.entries(text)[0]), end="")
args = TrainingArguments(
    per_device_train_batch_size=4,  # was 8
    bf16=True,
    gradient_checkpointing=True,
)
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Sequence
from functools import lru_cache

from msgspec import Struct

from advisor.edits.entry import (
    Entry,
    Raw,
    Value,
    indent_of,
    line_end,
    line_start,
    normalised,
    number,
    switch,
    unquoted,
)

MAX_LENGTH = 20_000  # characters; beyond it a text is no snippet
_MAPPINGS = frozenset({"dict", "configdict", "edict", "dictconfig", "update"})
_HEAD = "if 1:\n"


class _Place(Struct, frozen=True):
    """An entry with the node that holds it: the call or dictionary, None for an assignment."""

    entry: Entry
    holder: ast.Call | ast.Dict | None


class _Source:
    """A parsed text with the way from a node's place to an offset. Code that is indented as a whole is parsed as a block."""

    def __init__(self, text: str) -> None:
        self.tree: ast.Module | None = None
        self.text = text
        self._lines = [0]
        for at, char in enumerate(text):
            if char == "\n":
                self._lines.append(at + 1)
        self._head = 0
        if len(text) <= MAX_LENGTH:
            self.tree = _parsed(text)
            if self.tree is None and text[:1] in " \t":
                self.tree, self._head = _parsed(_HEAD + text), 1

    def offset(self, line: int, column: int) -> int:
        """The offset of a node's place; `ast` counts columns in bytes of UTF-8."""
        start = self._lines[line - 1 - self._head]
        row = self.text[start : line_end(self.text, start)]
        return start + (column if row.isascii() else len(row.encode()[:column].decode(errors="ignore")))

    def span(self, node: ast.expr | ast.keyword | ast.stmt) -> tuple[int, int]:
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
        return self.offset(node.lineno, node.col_offset), self.offset(end_line, end_column)


def _parsed(text: str) -> ast.Module | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes of foreign code
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            return None


@lru_cache(maxsize=16)
def _places(text: str) -> tuple[_Source, tuple[_Place, ...]]:
    source = _Source(text)
    try:
        found = tuple(_of_module(source)) if source.tree is not None else ()
    except RecursionError:
        found = ()
    return source, tuple(sorted(found, key=lambda place: place.entry.start))


def _of_module(source: _Source) -> Iterator[_Place]:
    assert source.tree is not None  # noqa: S101 - the caller has looked
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            yield from _setting(source, node, node.targets[0].id, node.value, "", "", None)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            yield from _setting(source, node, node.target.id, node.value, "", "", None)
        elif isinstance(node, ast.Expr | ast.Return) and isinstance(node.value, ast.Call | ast.Dict):
            yield from _inside(source, node.value, "", "")


def _setting(
    source: _Source,
    node: ast.stmt | ast.keyword | ast.expr,
    name: str,
    value: ast.expr,
    parent: str,
    construct: str,
    holder: ast.Call | ast.Dict | None,
) -> Iterator[_Place]:
    path = f"{parent}.{normalised(name)}" if parent else normalised(name)
    if isinstance(value, ast.Call | ast.Dict):
        yield from _inside(source, value, path, construct)
        if isinstance(value, ast.Dict) or _callee(value) in _MAPPINGS:
            return
    elif isinstance(value, ast.List | ast.Tuple):
        for item in value.elts:
            if isinstance(item, ast.Call | ast.Dict):
                yield from _inside(source, item, path, construct)
    at, to = source.span(value)
    start = source.span(node)[0]
    if not isinstance(value, ast.Call) and "\n" not in source.text[at:to]:
        yield _Place(Entry(path, name, unquoted(source.text[at:to]), start, to, at, to, construct), holder)


def _inside(source: _Source, node: ast.Call | ast.Dict, path: str, construct: str) -> Iterator[_Place]:
    """The settings of a call or a dictionary; a mapping's settings bear its key, those of another call do not."""
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield from _setting(source, key, key.value, value, path, construct, node)
        return
    callee = _callee(node)
    inner, name = (path, construct) if callee in _MAPPINGS else ("", callee)
    for keyword in node.keywords:
        if keyword.arg == "type" and isinstance(keyword.value, ast.Name | ast.Attribute):
            name = _last_name(keyword.value)
    for keyword in node.keywords:
        if keyword.arg:
            yield from _setting(source, keyword, keyword.arg, keyword.value, inner, name, node)
    for item in node.args:
        if isinstance(item, ast.Call | ast.Dict):
            yield from _inside(source, item, "", "")


def _callee(node: ast.Call) -> str:
    return _last_name(node.func)


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr.lower()
    return node.id.lower() if isinstance(node, ast.Name) else ""


class _Python:
    """The notation of Python."""

    def entries(self, text: str) -> list[Entry]:
        return [place.entry for place in _places(text)[1]]

    def changed(self, text: str, entry: Entry, value: Value) -> str:
        return text[: entry.at] + written(value, text[entry.at : entry.to]) + text[entry.to :]

    def added(self, text: str, path: Sequence[str], value: Value, near: Entry | None) -> str | None:
        if near is None or len(path) != 1 or not path[0].isidentifier():
            return None
        source, places = _places(text)
        place = next((item for item in places if item.entry == near), None)
        if place is None:
            return None
        if place.holder is None:
            at = line_end(text, near.end)
            between = text[near.start + len(near.name) : near.at]
            kind = f": {type(value).__name__}" if ":" in between and not isinstance(value, Raw) else ""
            return f"{text[:at]}\n{indent_of(text, near.start)}{path[0]}{kind} = {written(value, '')}{text[at:]}"
        last = _last_member(source, place.holder)
        if isinstance(place.holder, ast.Dict):
            piece = f'"{path[0]}": {written(value, "")}'
        else:
            between = text[near.start + len(near.name) : near.at]
            piece = f"{path[0]}{' = ' if between.strip(' ') != between else '='}{written(value, '')}"
        first = line_start(text, last)
        opens = source.span(place.holder)[0]
        if line_start(text, opens) == first:  # the call is on one line
            return f"{text[:last]}, {piece}{text[last:]}"
        rest = text[last : line_end(text, last)]
        comma = rest.find(",")
        if comma >= 0 and not rest[:comma].strip():
            stop = line_end(text, last)
            return f"{text[:stop]}\n{indent_of(text, last)}{piece},{text[stop:]}"
        return f"{text[:last]},\n{indent_of(text, last)}{piece}{text[last:]}"

    def removed(self, text: str, entry: Entry) -> str:
        end = entry.end
        while end < len(text) and text[end] in " \t":
            end += 1
        if end < len(text) and text[end] == ",":
            end += 1
        first, stop = line_start(text, entry.start), line_end(text, end)
        if not text[first : entry.start].strip() and (not text[end:stop].strip() or text[end:stop].strip()[0] == "#"):
            return text[:first] + text[stop + 1 :]
        return text[: entry.start] + text[end:].lstrip(" ")


def _last_member(source: _Source, holder: ast.Call | ast.Dict) -> int:
    """Where the last keyword of a call, or the last value of a dictionary, ends."""
    nodes: Sequence[ast.expr | ast.keyword] = (
        [*holder.args, *holder.keywords] if isinstance(holder, ast.Call) else holder.values
    )
    return max(source.span(node)[1] for node in nodes)


def written(value: Value, old: str) -> str:
    """A value as Python, in the quotes of the old one."""
    if isinstance(value, bool):
        return switch(value, "", "True")
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, Raw):
        return value
    quote = old[0] if old[:1] in ("'", '"') else '"'
    return f"{quote}{value}{quote}"


PYTHON = _Python()
