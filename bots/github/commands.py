"""`/advisor ...` in the thread: facts, ignore, recheck; only the reporter and maintainers are heard."""

from __future__ import annotations

from collections.abc import Iterable

import re2
from msgspec import Struct

from advisor.errors import FactError
from advisor.facts import FactValue, check_fact
from advisor.vocabulary import DESCRIBABLE, VOCABULARY
from bots.github.text import commands_in

# author_association of people who take part in the project: https://docs.github.com/en/graphql/reference/enums#commentauthorassociation
MAINTAINERS = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
_MOST = 30  # commands of one thread that are read; the last ones count
# Short spellings beside the names of the vocabulary; the same as those of the command line.
_SHORT = {
    "gpu": "gpu_name", "gpus": "gpu_count", "gpu_memory": "gpu_memory_gib", "vram": "gpu_memory_gib",
    "batch": "batch_size", "bs": "batch_size", "seq": "seq_len", "length": "seq_len",
}  # fmt: skip
_PAIR = re2.compile(r"(?:^|\s)([A-Za-z][A-Za-z0-9_-]{0,40})\s*=\s*")
_LANGUAGES = ("en", "zh")


class Said(Struct, frozen=True):
    """A body with who wrote it: what a command is judged by."""

    body: str
    author: str
    association: str


class Orders(Struct, frozen=True):
    """What the commands of a thread come to, the last word of each winning.

    Attributes:
        facts: stated facts, checked.
        lang: the language asked for, or "".
        ignore: whether the advisor was told to be silent, and not called back since.
        faults: what was not understood, in the words of the checks; (what was written, what is wrong).
    """

    facts: dict[str, FactValue] = {}
    lang: str = ""
    ignore: bool = False
    faults: tuple[tuple[str, str], ...] = ()


def may_command(said: Said, reporter: str) -> bool:
    """Whether this author is the reporter or takes part in the project."""
    return (bool(said.author) and said.author == reporter) or said.association.upper() in MAINTAINERS


def has_command(body: str) -> bool:
    """Whether any line of the body is a command."""
    return "/advisor" in body and bool(commands_in(body))


def asks_again(said: Said, reporter: str) -> bool:
    """Whether this body asks for a new answer although nothing in the thread changed."""
    return may_command(said, reporter) and any(_word(line) == "recheck" for line in commands_in(said.body))


def orders(thread: Iterable[Said], reporter: str) -> Orders:
    """The orders in the bodies of a thread, from first to last.

    >>> said = Said("/advisor gpu=RTX 3090 batch_size=4", "U1", "NONE")
    >>> orders([said], "U1").facts
    {'gpu_name': 'RTX 3090', 'batch_size': 4}
    >>> orders([said], "U2").facts
    {}
    """
    lines = [
        line
        for said in thread
        if "/advisor" in said.body and may_command(said, reporter)
        for line in commands_in(said.body)
    ]
    facts: dict[str, FactValue] = {}
    faults: list[tuple[str, str]] = []
    lang, ignore = "", False
    for line in lines[-_MOST:]:
        word = _word(line)
        if word == "ignore":
            ignore = True
        elif word == "recheck":
            ignore = False
        elif _PAIR.search(line):
            before, pairs = _pairs(line)
            if before:
                faults.append((before, "expected FACT=VALUE"))
            for name, value in pairs:
                if name == "lang":
                    if value in _LANGUAGES:
                        lang = value
                    else:
                        faults.append((f"lang={value}", f"expected {' or '.join(_LANGUAGES)}"))
                    continue
                try:
                    facts[_fact(name)] = check_fact(_fact(name), value)
                except FactError as error:
                    hint = "" if "`advisor" in error.hint else error.hint  # there is no command line in a thread
                    faults.append((f"{name}={value}", f"{error.message}. {hint}".strip()))
        else:
            faults.append((line or "/advisor", "expected FACT=VALUE, ignore or recheck"))
    return Orders(facts, lang, ignore, tuple(faults[-5:]))


def _word(line: str) -> str:
    parts = line.lower().split(maxsplit=1)
    return parts[0].rstrip(".!") if parts else ""


def _pairs(line: str) -> tuple[str, list[tuple[str, str]]]:
    """What stands before the first pair, and the pairs; a value goes on to the next name and may be quoted."""
    marks = list(_PAIR.finditer(line))
    ends = [mark.start() for mark in marks[1:]] + [len(line)]
    pairs = []
    for mark, end in zip(marks, ends, strict=True):
        name = mark.group(1).lower().replace("-", "_")
        pairs.append((name, line[mark.end() : end].strip().rstrip(",;").strip("\"'`“” ")))
    return line[: marks[0].start()].strip(), pairs


def _fact(name: str) -> str:
    fact = _SHORT.get(name, name)
    if fact in VOCABULARY and fact not in DESCRIBABLE:
        raise FactError("it is read from the error message, not stated")
    return fact
