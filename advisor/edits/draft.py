"""A block while it is being changed, and where a setting that it lacks belongs."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from advisor.edits.blocks import Block
from advisor.edits.command import COMMAND
from advisor.edits.entry import Entry, Value, normalised
from advisor.edits.meaning import Reader
from advisor.edits.pairs import Pair
from advisor.facts import FactValue
from advisor.report import Change

AUTO = "auto"


@lru_cache(maxsize=64)
def _entries(notation: Any, text: str) -> tuple[Entry, ...]:
    """The settings of a text; one text is asked for them many times while changes are tried."""
    return tuple(notation.entries(text))


class Draft:
    """A block while it is being changed."""

    def __init__(self, block: Block, reader: Reader) -> None:
        self.block = block
        self.reader = reader
        self.text = block.text
        self.touched: list[str] = []  # paths
        self.added: set[str] = set()  # paths that the words of a program asked for

    def copy(self) -> Draft:
        other = Draft(self.block, self.reader)
        other.text, other.touched, other.added = self.text, list(self.touched), set(self.added)
        return other

    @property
    def entries(self) -> list[Entry]:
        notation: Any = self.block.notation  # one object for each notation
        return list(_entries(notation, self.text))

    def set(self, entry: Entry, value: Value) -> None:
        self.text = self.block.notation.changed(self.text, entry, value)
        self.touched.append(entry.path)

    def find(self, pair: Pair) -> Entry | None:
        """The entry of a pair's key: the same path, or one that ends so."""
        found = None
        for entry in self.entries:
            if entry.path == pair.key or (entry.path.endswith(f".{pair.key}") and not entry.is_variable):
                if pair.construct and entry.construct not in ("", pair.construct):
                    continue
                found = entry
        return found

    def stating(self, fact: str) -> list[tuple[Entry, FactValue, bool]]:
        """The entries that state a fact, each with the value and whether its key is the fact's own."""
        return [
            (entry, said.value, said.direct)
            for entry in self.entries
            for said in self.reader.says(entry)
            if said.fact == fact
        ]


def construct_for(work: Draft, change: Change | None) -> str:
    near = _near(work, change)
    return near.construct if near is not None else ""


def _near(work: Draft, change: Change | None) -> Entry | None:
    """Beside which setting a new one belongs: the last one that the same program has in its words."""
    framework = change.framework if change is not None else ""
    told = [entry for entry in work.entries if work.reader.says(entry) and not entry.is_variable]
    own = [entry for entry in told if framework and work.reader.spells(entry.path, framework)]
    choice = own or told
    if not choice:
        return None
    constructs = [entry.construct for entry in choice]
    most = max(constructs, key=constructs.count)
    return [entry for entry in choice if entry.construct == most][-1]


def add(work: Draft, pair: Pair, change: Change) -> bool:
    """Adds a setting that the block lacks; False where it has no place in this notation."""
    kind = work.block.kind
    if pair.is_variable:
        return kind == "command" and _add_variable(work, pair)
    if not _fits(work, pair, change):
        return False
    near = _near(work, change)
    if kind == "command":
        work.text = _command_with(work, pair, change)
    else:
        if kind == "python" and near is not None and pair.construct not in ("", near.construct):
            return False
        path = [part.lstrip("-") for part in pair.path]
        if change.kind == "flag" and len(path) == 1:
            path = [path[0].replace("-", "_")] if not _hyphens(work) else path
        text = work.block.notation.added(work.text, path, pair.value, near)
        if text is None:
            return False
        work.text = text
    work.touched.append(pair.key)
    work.added.add(pair.key)
    return True


def _hyphens(work: Draft) -> bool:
    return any("-" in entry.name for entry in work.entries)


def _add_variable(work: Draft, pair: Pair) -> bool:
    block = work.block
    text = work.text
    words = text.split()
    if words[:1] and words[0].startswith("-"):
        return False
    if words[0] in ("export", "set"):
        return False
    work.text = COMMAND.put_variable(text, pair.path[0], str(pair.value))
    work.touched.append(normalised(pair.path[0]))
    return block.kind == "command"


def _command_with(work: Draft, pair: Pair, change: Change) -> str:
    if pair.dashes == "--":
        if change.framework == "accelerate":
            word = f"--{pair.path[0]}" if pair.is_switch else f"--{pair.path[0]} {_word(pair.value)}"
            before = COMMAND.put_before_script(work.text, word)
            if before is not None:
                return before
        return (
            COMMAND.added(work.text, [f"{pair.path[0]}"], pair.value, None)
            if not pair.is_switch
            else COMMAND.put(work.text, COMMAND.switch_name(work.text, pair.path[0]))
        )
    if pair.dashes == "-":
        return COMMAND.put(work.text, f"-{pair.path[0]}" if pair.is_switch else f"-{pair.path[0]} {_word(pair.value)}")
    if pair.dashes == "upper":
        return COMMAND.put(work.text, f"{pair.path[0]} {_word(pair.value)}")
    return COMMAND.put(work.text, f"{'.'.join(pair.path)}={_word(pair.value)}")


def _word(value: Value) -> str:
    if isinstance(value, bool):
        return "True" if value else "False"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _fits(work: Draft, pair: Pair, change: Change) -> bool:
    """Whether a setting of a change belongs into a block: in its notation, or in one that the same program takes too."""
    kind = work.block.kind
    reader = work.reader
    if "modelfile" in (kind, pair.construct):
        return kind == pair.construct
    if kind == "command":
        if change.kind == "flag":
            return True
        simple = len(pair.path) == 1 and change.kind in ("yaml", "toml", "python") and not pair.construct
        return simple and not _in_files_only(reader, change.framework) and _majority(work, change.framework)
    native = {"yaml": "yaml", "json": "json", "toml": "toml", "python": "python"}[kind]
    lineage = reader.library.lineage(reader.own) if reader.own else ()
    if reader.own and change.framework not in lineage:
        return False
    if change.kind == native:
        return change.framework == reader.own or kind == "python" or _majority(work, change.framework)
    simple = len(pair.path) == 1 and pair.dashes == "--" and change.kind in ("flag", "yaml", "toml", "python")
    return simple and (_majority(work, change.framework) or change.framework == reader.own)


def _in_files_only(reader: Reader, framework: str) -> bool:
    """Whether a program's settings are statements of a Python file, which its command line does not take."""
    known = reader.library.frameworks.get(framework)
    return known is not None and known.config == "python"


def _majority(work: Draft, framework: str) -> bool:
    """Whether the settings of the block are in the words of a framework."""
    told = [entry for entry in work.entries if work.reader.says(entry)]
    own = sum(work.reader.spells(entry.path, framework) for entry in told)
    return own > 0 and own * 2 >= len(told)
