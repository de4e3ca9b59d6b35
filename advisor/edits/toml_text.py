"""TOML as text: keys of sections, comments and order kept.

>>> text = 'train_batch_size = 4 # per card\\n[network]\\nnetwork_dim = 32\\n'
>>> [(item.path, item.value) for item in TOML.entries(text)]
[('train_batch_size', '4'), ('network.network_dim', '32')]
>>> print(TOML.added(text, ["gradient_checkpointing"], True, None), end="")
train_batch_size = 4 # per card
gradient_checkpointing = true
[network]
network_dim = 32
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import re2

from advisor.edits.entry import Entry, Value, indent_of, line_end, line_start, normalised, number, switch, unquoted


@cache
def _patterns() -> dict[str, Any]:
    text = r"(\"[^\"\n]*\"|'[^'\n]*'|\[[^\n]*\]|\{[^\n]*\}|[^\s#]+)"
    return {
        "line": re2.compile(rf"^[ \t]*([A-Za-z_\"'][\w.\"'-]*)[ \t]*=[ \t]*{text}[ \t]*(?:#.*)?$"),
        "section": re2.compile(r"^[ \t]*\[+[ \t]*([\w.\"' -]+?)[ \t]*\]+[ \t]*(?:#.*)?$"),
    }


class _Toml:
    """The notation of TOML."""

    def entries(self, text: str) -> list[Entry]:
        found: list[Entry] = []
        section, offset = "", 0
        for line in text.split("\n"):
            heading = _patterns()["section"].match(line)
            match = None if heading else _patterns()["line"].match(line)
            if heading is not None:
                section = normalised(heading.group(1))
            elif match is not None:
                value = match.group(2)
                start, at = offset + match.start(1), offset + match.start(2)
                key = normalised(match.group(1))
                path = f"{section}.{key}" if section else key
                found.append(Entry(path, match.group(1), unquoted(value), start, at + len(value), at, at + len(value)))
            offset += len(line) + 1
        return found

    def changed(self, text: str, entry: Entry, value: Value) -> str:
        return text[: entry.at] + written(value, text[entry.at : entry.to]) + text[entry.to :]

    def added(self, text: str, path: Sequence[str], value: Value, near: Entry | None) -> str | None:
        known = self.entries(text)
        section = ".".join(normalised(part) for part in path[:-1])
        inside = [item for item in known if item.path.rpartition(".")[0] == section]
        if section and not inside:
            return f"{text.rstrip(chr(10))}\n\n[{'.'.join(path[:-1])}]\n{path[-1]} = {written(value, '')}\n"
        if not inside and near is None:
            return None
        # Programs that flatten their sections take a key from any of them: beside its like is the best place.
        last = near if near is not None and (not inside or near in inside or not section) else inside[-1]
        at = line_end(text, last.end)
        return f"{text[:at]}\n{indent_of(text, last.start)}{path[-1]} = {written(value, '')}{text[at:]}"

    def removed(self, text: str, entry: Entry) -> str:
        return text[: line_start(text, entry.start)] + text[line_end(text, entry.end) + 1 :]


def written(value: Value, old: str) -> str:
    """A value as TOML, in the quotes of the old one."""
    if isinstance(value, bool):
        return switch(value, "", "true")
    if isinstance(value, int | float):
        return number(value)
    if value[:1] in ("[", "{", '"', "'"):
        return value
    quote = old[0] if old[:1] in ("'", '"') else '"'
    return f"{quote}{value}{quote}"


TOML = _Toml()
