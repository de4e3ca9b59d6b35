"""YAML as text: block mappings by indentation, flow mappings on one line, comments and order kept; nothing is loaded.

>>> text = "adapter: lora  # was full\\nfsdp_config:\\n  offload: false\\n"
>>> [(item.path, item.value) for item in YAML.entries(text)]
[('adapter', 'lora'), ('fsdp_config', ''), ('fsdp_config.offload', 'false')]
>>> print(YAML.added(text, ["fsdp_config", "version"], 2, None), end="")
adapter: lora  # was full
fsdp_config:
  offload: false
  version: 2
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import re2

from advisor.edits.entry import Entry, Value, indent_of, line_end, line_start, normalised, number, switch, unquoted
from advisor.edits.yaml_arguments import added_argument, argument_entries, is_argument

_PLAIN_START = frozenset("!&*{}[]|>@`\"'%#,?:-")


@cache
def _patterns() -> dict[str, Any]:
    value = r"(\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'|[^#\n]|[^\s]#)*"
    return {
        "line": re2.compile(
            rf"^([ \t]*(?:- +)*)(\"[^\"\n]+\"|'[^'\n]+'|[A-Za-z_][\w./-]*)[ \t]*:(?:([ \t]+)({value}))?(?:#.*)?$"
        ),
        "flow": re2.compile(
            r"(\"[^\"\n]+\"|'[^'\n]+'|[A-Za-z_][\w.-]*)\s*:\s*(\"[^\"\n]*\"|'[^'\n]*'|\[[^\]\n]*\]|[^,{}\n]+)"
        ),
    }


class _Yaml:
    """The notation of YAML."""

    def entries(self, text: str) -> list[Entry]:
        found: list[Entry] = []
        stack: list[tuple[int, str]] = []
        offset = 0
        for line in text.split("\n"):
            match = _patterns()["line"].match(line) if line.strip() and not line.lstrip().startswith("#") else None
            if match is not None:
                column = len(match.group(1))
                while stack and column <= stack[-1][0]:
                    stack.pop()
                name = match.group(2)
                path = ".".join([*(part for _, part in stack), normalised(name)])
                value = (match.group(4) or "").rstrip()
                start = offset + match.start(2)
                if value:
                    at = offset + match.start(4)
                    found.append(Entry(path, name, unquoted(value), start, at + len(value), at, at + len(value)))
                    if value.startswith("{") and value.endswith("}"):
                        found += self._flow(value, at, path)
                else:
                    end = offset + match.end(2) + 1
                    found.append(Entry(path, name, "", start, end, end, end))
                    stack.append((column, normalised(name)))
            offset += len(line) + 1
        return [*found, *argument_entries(text)]

    def _flow(self, text: str, offset: int, parent: str) -> list[Entry]:
        found = []
        for match in _patterns()["flow"].finditer(text):
            value = match.group(2).rstrip()
            start, at = offset + match.start(1), offset + match.start(2)
            path = f"{parent}.{normalised(match.group(1))}"
            found.append(Entry(path, match.group(1), unquoted(value), start, at + len(value), at, at + len(value)))
        return found

    def changed(self, text: str, entry: Entry, value: Value) -> str:
        if entry.is_bare and is_argument(entry):
            return text if value is not False else self.removed(text, entry)
        if entry.is_bare:
            return f"{text[: entry.end]} {written(value, '', text)}{text[entry.end :]}"
        return text[: entry.at] + written(value, text[entry.at : entry.to], text) + text[entry.to :]

    def added(self, text: str, path: Sequence[str], value: Value, near: Entry | None) -> str | None:
        if near is not None and is_argument(near):
            return added_argument(text, path[-1], value, near) if len(path) == 1 else None
        known = self.entries(text)
        keys = [normalised(part) for part in path]
        depth, parent = 0, None
        for size in range(len(path) - 1, 0, -1):
            parent = next((item for item in known if item.path == ".".join(keys[:size])), None)
            if parent is not None:
                depth = size
                break
        if parent is not None and not parent.is_bare:
            return _in_flow(text, parent, path[depth:], value)
        rest = path[depth:]
        if parent is not None:
            inside = [item for item in known if item.path.startswith(f"{parent.path}.")]
            outer = indent_of(text, parent.start)
            indent = indent_of(text, inside[0].start) if inside else f"{outer}{_step(text)}"
            last = inside[-1] if inside else parent
        else:
            tops = [item for item in known if "." not in item.path]
            if not tops:
                return None
            indent = text[line_start(text, tops[0].start) : tops[0].start]
            if "-" in indent:
                return None
            last = near if near is not None and "." not in near.path and not near.is_bare else _last(known, tops)
        at = line_end(text, last.end)
        lines = []
        for index, name in enumerate(rest):
            margin = indent + _step(text) * index
            lines.append(f"{margin}{name}:" if index < len(rest) - 1 else f"{margin}{name}: {written(value, '', text)}")
        return f"{text[:at]}\n{chr(10).join(lines)}{text[at:]}"

    def removed(self, text: str, entry: Entry) -> str:
        first, stop = line_start(text, entry.start), line_end(text, entry.end)
        if text[first : entry.start].strip() not in ("", "-") and is_argument(entry):
            return text[: entry.start].rstrip(" ") + text[entry.end :]
        if text[first : entry.start].strip() == "-":
            return text[:first] + text[stop + 1 :]
        if text[first : entry.start].strip():  # inside of a flow mapping
            end = entry.end
            while end < stop and text[end] in ", ":
                end += 1
            return text[: entry.start] + text[end:]
        return text[:first] + text[stop + 1 :]


def _last(known: Sequence[Entry], tops: Sequence[Entry]) -> Entry:
    """The last setting of the outermost level that has a value, so that nothing lands inside of a block."""
    return next((item for item in reversed(tops) if not item.is_bare), known[-1])


def _step(text: str) -> str:
    """The blanks of one level: as the text has them, else two."""
    for line in text.split("\n"):
        blanks = len(line) - len(line.lstrip(" "))
        if blanks and line.strip() and not line.lstrip().startswith(("-", "#")):
            return " " * blanks if blanks in (2, 4) else "  "
    return "  "


def _in_flow(text: str, parent: Entry, rest: Sequence[str], value: Value) -> str | None:
    if len(rest) != 1 or text[parent.to - 1] != "}":
        return None
    inner = text[parent.at + 1 : parent.to - 1]
    piece = f"{rest[0]}: {written(value, '', text)}"
    joined = f"{inner.rstrip()}, {piece}" if inner.strip() else piece
    closing = " " if inner.endswith(" ") else ""
    return f"{text[: parent.at + 1]}{joined}{closing}{text[parent.to - 1 :]}"


def written(value: Value, old: str, text: str) -> str:
    """A value as YAML, in the manner of the old one."""
    if isinstance(value, bool):
        return switch(value, old, "True" if ": True" in text and ": true" not in text else "true")
    word = number(value) if isinstance(value, int | float) else value
    if old[:1] in ("'", '"') and old[:1] == old[-1:] and len(old) > 1:
        return f"{old[0]}{word}{old[0]}"
    if (
        isinstance(value, str)
        and word[:1] not in ("[", "{")
        and (
            not word
            or word[0] in _PLAIN_START
            or ": " in word
            or " #" in word
            or word in ("true", "false", "null", "yes", "no")
        )
    ):
        return f'"{word}"'
    return word


YAML = _Yaml()
