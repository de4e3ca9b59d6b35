"""Ollama's Modelfile as text: one `PARAMETER` a line, and the model after `FROM`.

>>> text = "FROM llama3.1:8b\\nPARAMETER num_ctx 32768\\n"
>>> [(item.path, item.value) for item in MODELFILE.entries(text)]
[('from', 'llama3.1:8b'), ('num_ctx', '32768')]
>>> print(MODELFILE.added(text, ["num_gpu"], 20, None), end="")
FROM llama3.1:8b
PARAMETER num_ctx 32768
PARAMETER num_gpu 20
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import re2

from advisor.edits.entry import Entry, Value, line_end, line_start, normalised, number, switch, unquoted


@cache
def _line() -> Any:
    return re2.compile(r"(?i)^[ \t]*(FROM|PARAMETER[ \t]+([a-z_]+))[ \t]+(\"[^\"\n]*\"|[^\s#]+)[ \t]*$")


class _Modelfile:
    """The notation of Modelfiles."""

    def entries(self, text: str) -> list[Entry]:
        found: list[Entry] = []
        offset = 0
        for line in text.split("\n"):
            match = _line().match(line)
            if match is not None:
                name = match.group(2) or "FROM"
                start, at, to = offset + match.start(1), offset + match.start(3), offset + match.end(3)
                found.append(Entry(normalised(name), name, unquoted(match.group(3)), start, to, at, to))
            offset += len(line) + 1
        return found

    def changed(self, text: str, entry: Entry, value: Value) -> str:
        return text[: entry.at] + _written(value, text[entry.at : entry.to]) + text[entry.to :]

    def added(self, text: str, path: Sequence[str], value: Value, near: Entry | None) -> str | None:
        known = self.entries(text)
        if len(path) != 1 or not known:
            return None
        at = line_end(text, known[-1].end)
        return f"{text[:at]}\nPARAMETER {path[0]} {_written(value, '')}{text[at:]}"

    def removed(self, text: str, entry: Entry) -> str:
        return text[: line_start(text, entry.start)] + text[line_end(text, entry.end) + 1 :]


def _written(value: Value, old: str) -> str:
    if isinstance(value, bool):
        return switch(value, old, "true")
    return number(value) if isinstance(value, int | float) else value


MODELFILE = _Modelfile()
