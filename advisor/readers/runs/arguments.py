r"""Options of a program written as a list, in the files that start containers: `- --max-model-len` above `- "8192"`, `["--tp", "2"]`.

>>> text = 'command:\n  - --model\n  - Qwen/Qwen3-8B\n  - "--max-model-len=8192"\nenvironment:\n  - OLLAMA_NUM_PARALLEL=2\n'
>>> [(item.name, item.value, text[item.at : item.to]) for item in arguments_of(text)]
[('--model', 'Qwen/Qwen3-8B', 'Qwen/Qwen3-8B'), ('--max-model-len', '8192', '8192'), ('OLLAMA_NUM_PARALLEL', '2', '2')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Literal

import re2
from msgspec import Struct

_MAX_LINES = 5_000
_MAX_WORDS = 200


class Argument(Struct, frozen=True):
    """An option of a list, or a variable of the environment; all places are offsets in the text.

    Attributes:
        name: as written: `--max-model-len`, `OLLAMA_NUM_PARALLEL`.
        value: without quotes; empty for a switch.
        start, end: the setting; at, to: its value, quotes included where it stands in an item of its own; both `end` for a switch.
        form: an item each (`item`), one item (`joined`), in brackets (`flow`), or in one string (`string`).
    """

    name: str
    value: str
    start: int
    end: int
    at: int
    to: int
    form: Literal["item", "joined", "flow", "string"]


class _Word(Struct, frozen=True):
    """A word of a list with its quotes."""

    text: str
    start: int
    end: int


@cache
def _patterns() -> dict[str, Any]:
    return {
        "item": re2.compile(r"^[ \t]*-[ \t]+(\"[^\"\n]*\"|'[^'\n]*'|[^\s#\"'][^\n]*?)[ \t]*(?:#.*)?$"),
        "flow": re2.compile(
            r"(?i)^[ \t]*-?[ \t]*\"?(?:command|args|entrypoint|cmd)\"?[ \t]*[: ][ \t]*\[(.*)\][ \t]*,?[ \t]*(?:#.*)?$"
        ),
        "string": re2.compile(r"(?i)^[ \t]*(?:command|args|entrypoint)[ \t]*:[ \t]+([\"']?[^\"'\[{|>#\n][^\n]*)$"),
        "word": re2.compile(r"\"[^\"\n]*\"|'[^'\n]*'|[^\s,\[\]\"']+"),
        "option": re2.compile(r"^--?[A-Za-z][\w.-]*$"),
        "joined": re2.compile(r"^(--[A-Za-z][\w.-]*)=(.*)$"),
        "variable": re2.compile(r"^([A-Z][A-Z0-9_]*_[A-Z0-9_]*)=(.*)$"),
    }


def arguments_of(text: str) -> Iterator[Argument]:
    """The options and variables of all lists of a text, in their order."""
    offset = 0
    items: list[_Word] = []
    for number, line in enumerate(text.split("\n")):
        if number > _MAX_LINES:
            return
        item = _patterns()["item"].match(line) if "-" in line else None
        if item is not None:
            items.append(_Word(item.group(1), offset + item.start(1), offset + item.end(1)))
        elif line.strip():
            yield from _paired(items, "item")
            items = []
            yield from _in_line(line, offset)
        offset += len(line) + 1
    yield from _paired(items, "item")


def _in_line(line: str, offset: int) -> Iterator[Argument]:
    """The options of a list in brackets, or of one string."""
    if "-" not in line:
        return
    for form in ("flow", "string"):
        match = _patterns()[form].match(line)
        if match is None:
            continue
        inner, start = match.group(1), offset + match.start(1)
        quote = inner[:1] if inner[:1] in ("'", '"') and form == "string" else ""
        inner = inner.rstrip().removesuffix(quote) if quote else inner
        start, inner = start + len(quote), inner[len(quote) :]
        found = _patterns()["word"].finditer(inner)
        words = [
            _Word(word.group(0), start + word.start(), start + word.end())
            for word, _ in zip(found, range(_MAX_WORDS), strict=False)
        ]
        yield from _paired(words, "flow" if form == "flow" else "string")
        return


def _paired(words: list[_Word], form: Literal["item", "flow", "string"]) -> Iterator[Argument]:
    """Options with the words after them."""
    index = 0
    while index < len(words):
        word = words[index]
        index += 1
        bare = _bare(word.text)
        shift = (len(word.text) - len(bare)) // 2
        joined = _patterns()["joined"].match(bare) or _patterns()["variable"].match(bare)
        if joined is not None:
            at = word.start + shift + joined.start(2)
            yield Argument(joined.group(1), joined.group(2), word.start, word.end, at, word.end - shift, "joined")
        elif _patterns()["option"].match(bare):
            following = words[index] if index < len(words) else None
            if following is None or _is_option(_bare(following.text)):
                yield Argument(bare, "", word.start, word.end, word.end, word.end, form)
            else:
                index += 1
                yield Argument(
                    bare, _bare(following.text), word.start, following.end, following.start, following.end, form
                )


def _bare(text: str) -> str:
    return text[1:-1] if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'" else text


def _is_option(text: str) -> bool:
    return bool(
        _patterns()["option"].match(text) or _patterns()["joined"].match(text) or _patterns()["variable"].match(text)
    )
