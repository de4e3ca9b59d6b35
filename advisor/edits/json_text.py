"""JSON as text, comments and trailing commas allowed: members by their brackets, formatting kept.

>>> text = '{\\n  "zero_optimization": {"stage": 2},\\n  "bf16": {"enabled": "auto"}\\n}'
>>> [(item.path, item.value) for item in JSON.entries(text) if item.value[:1] != "{"]
[('zero_optimization.stage', '2'), ('bf16.enabled', 'auto')]
>>> print(JSON.added(text, ["zero_optimization", "offload_optimizer", "device"], "cpu", None))
{
  "zero_optimization": {"stage": 2, "offload_optimizer": {"device": "cpu"}},
  "bf16": {"enabled": "auto"}
}
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from advisor.edits.entry import Entry, Value, indent_of, line_end, line_start, normalised, number, switch, unquoted

_MAX_DEPTH = 60


class _Json:
    """The notation of JSON."""

    def entries(self, text: str) -> list[Entry]:
        found: list[Entry] = []
        stack: list[tuple[str, int, str, int]] = []  # bracket, where its key begins, path, where it opens
        key, key_at, at = "", -1, 0
        while at < len(text) and len(stack) < _MAX_DEPTH:
            char = text[at]
            if char in "#" or text.startswith("//", at):
                at = line_end(text, at)
            elif char == '"':
                end = _string_end(text, at)
                after = _skip(text, end)
                in_object = not stack or stack[-1][0] == "{"
                if in_object and not key and text[after : after + 1] == ":":
                    key, key_at, at = text[at + 1 : end - 1], at, after + 1
                    continue
                if key:
                    found.append(_member(text, key, key_at, at, end, stack))
                key, at = "", end
            elif char in "{[":
                path = _path(stack, key) if key else (stack[-1][2] if stack else "")
                stack.append((char, key_at if key else -1, path, at))
                key, at = "", at + 1
            elif char in "}]":
                if stack:
                    _, start, path, opened = stack.pop()
                    if start >= 0:
                        name = text[start + 1 : _string_end(text, start) - 1]
                        found.append(Entry(path, name, text[opened : at + 1], start, at + 1, opened, at + 1))
                key, at = "", at + 1
            elif char.isspace() or char in ",:":
                at += 1
            else:
                end = at
                while end < len(text) and text[end] not in ",}]\n \t\r/#":
                    end += 1
                end = max(end, at + 1)
                if key:
                    found.append(_member(text, key, key_at, at, end, stack))
                key, at = "", end
        return sorted(found, key=lambda entry: entry.start)

    def changed(self, text: str, entry: Entry, value: Value) -> str:
        return text[: entry.at] + written(value, text[entry.at : entry.to]) + text[entry.to :]

    def added(self, text: str, path: Sequence[str], value: Value, near: Entry | None) -> str | None:
        known = self.entries(text)
        keys = [normalised(part) for part in path]
        for size in range(len(path) - 1, 0, -1):
            parent = next((item for item in known if item.path == ".".join(keys[:size])), None)
            if parent is not None:
                if not parent.value.startswith("{"):
                    return None
                return _into(text, parent.at, parent.to, _nested(path[size:], value))
        opens = text.find("{")
        closes = text.rfind("}")
        if opens < 0 or closes < opens or text[:opens].strip(" \t\n`"):
            return _after_last(text, known, _nested(path, value))
        return _into(text, opens, closes + 1, _nested(path, value))

    def removed(self, text: str, entry: Entry) -> str:
        start, end = entry.start, entry.end
        after = _skip(text, end)
        if text[after : after + 1] == ",":
            end = after + 1
            stop = line_end(text, end)
            first = line_start(text, start)
            if not text[end:stop].strip() and not text[first:start].strip():
                return text[:first] + text[stop + 1 :]
            return text[:start] + text[end:].lstrip(" ")
        before = start
        while before > 0 and text[before - 1] in " \t\n\r":
            before -= 1
        if before > 0 and text[before - 1] == ",":
            return text[: before - 1] + text[end:]
        return text[:start] + text[end:]


def _path(stack: Sequence[tuple[str, int, str, int]], key: str) -> str:
    outer = stack[-1][2] if stack else ""
    return f"{outer}.{normalised(key)}" if outer else normalised(key)


def _member(text: str, key: str, key_at: int, at: int, end: int, stack: Sequence[tuple[str, int, str, int]]) -> Entry:
    return Entry(_path(stack, key), key, unquoted(text[at:end]), key_at, end, at, end)


def _string_end(text: str, at: int) -> int:
    at += 1
    while at < len(text) and text[at] not in '"\n':
        at += 2 if text[at] == "\\" else 1
    return min(at + 1, len(text))


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _nested(path: Sequence[str], value: Value) -> str:
    inner = written(value, "")
    for name in reversed(path[1:]):
        inner = f'{{"{name}": {inner}}}'
    return f'"{path[0]}": {inner}'


def _into(text: str, opens: int, end: int, member: str) -> str:
    """`member` as the last of the object that opens at `opens` and ends at `end`."""
    closes = end - 1
    last = closes
    while last > opens + 1 and text[last - 1].isspace():
        last -= 1
    comma = "" if last == opens + 1 or text[last - 1] == "," else ","
    if "\n" not in text[opens:closes]:
        return f"{text[:last]}{comma}{' ' if comma else ''}{member}{text[last:]}"
    first = _skip(text, opens + 1)
    indent = indent_of(text, first) if first < closes else indent_of(text, opens) + "  "
    return f"{text[:last]}{comma}\n{indent}{member}\n{text[line_start(text, closes) : closes]}{text[closes:]}"


def _after_last(text: str, known: Sequence[Entry], member: str) -> str | None:
    """A fragment without braces around it: after its last member of the outermost level."""
    tops = [item for item in known if "." not in item.path]
    if not tops:
        return None
    end = tops[-1].end
    return f"{text[:end]},\n{indent_of(text, tops[-1].start)}{member}{text[end:]}"


def written(value: Value, old: str) -> str:
    """A value as JSON; a number in quotes stays in quotes."""
    if isinstance(value, bool):
        return switch(value, old if old in ("True", "False") else "", "true")
    if isinstance(value, int | float):
        return f'"{number(value)}"' if old[:1] == '"' and old.strip('"').isdigit() else number(value)
    return json.dumps(value, ensure_ascii=False)


JSON = _Json()
