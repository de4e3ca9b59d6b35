"""What is given back parses, says what was wished when it is read again, and is otherwise as it was."""

from __future__ import annotations

import difflib
import random
from collections.abc import Mapping, Sequence

import pytest

from advisor.diagnosis import examine
from advisor.diagnosis.changes import changes_for
from advisor.edits import Editor, Wish
from advisor.edits.blocks import MAX_LOOKS, blocks_of
from advisor.edits.meaning import same
from advisor.facts import FactValue
from advisor.library import Library, load_library
from advisor.plan.edit import changes_of, settings
from advisor.readers import read_all
from advisor.readers.document import Document
from advisor.readers.resolve import resolve
from advisor.report import Change

from .runs import PROGRAMS, Program, parses, written

LIBRARY = load_library()
STYLES = 12
# Facts that follow from others and have no setting of their own.
DERIVED = {"parallelism", "attention"}


def facts_of(text: str, library: Library) -> dict[str, FactValue]:
    return resolve(read_all(Document.of(text), library)).facts


def wish_of(remedy: str, facts: Mapping[str, FactValue], program: Program) -> Wish | None:
    """The remedy in its mildest setting; None where it changes nothing of the run."""
    known = LIBRARY.remedies[remedy]
    edit = next(settings(known, {"gpu_count": 4, **facts}), None)
    changed = changes_of(edit, facts) if edit is not None else {}
    if not changed:
        return None

    def changes(framework: str) -> Sequence[Change]:
        return changes_for(known, {**facts, **changed, "framework": framework}, LIBRARY, "en")

    return Wish(remedy, remedy, changed, changes)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_what_was_wished_is_read_back(program: Program) -> None:
    source = random.Random(program.name)
    for _ in range(STYLES):
        before = written(program, source)
        facts = {**facts_of(before, LIBRARY), "framework": program.framework}
        for remedy in source.sample(program.remedies, k=len(program.remedies)):
            wish = wish_of(remedy, facts, program)
            if wish is None:
                continue
            result = Editor(before.split("\n"), [program.framework], LIBRARY).apply([wish])
            assert remedy in result.written, f"{remedy} has no place in:\n{before}"
            after = "\n".join(_replaced(before.split("\n"), result.pieces))
            parses(program, after)
            again = facts_of(after, LIBRARY)
            for fact, value in wish.facts.items():
                if fact in again and fact not in DERIVED:
                    assert same(again[fact], value), f"{remedy}: {fact} is {again[fact]!r}, not {value!r}, in:\n{after}"
            assert any(fact in again and same(again[fact], value) for fact, value in wish.facts.items()), after
            assert _lines_changed(before, after) <= 2 * len(result.written[remedy]) + 1, after


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_several_changes_go_together(program: Program) -> None:
    source = random.Random(f"several {program.name}")
    for _ in range(STYLES):
        before = written(program, source)
        facts: dict[str, FactValue] = {**facts_of(before, LIBRARY), "framework": program.framework}
        wishes, touched = [], set()
        for remedy in source.sample(program.remedies, k=len(program.remedies)):
            wish = wish_of(remedy, facts, program)
            if wish is not None and touched.isdisjoint(wish.facts):
                wishes.append(wish)
                touched |= set(wish.facts)
                facts |= wish.facts
        result = Editor(before.split("\n"), [program.framework], LIBRARY).apply(wishes)
        assert not result.rest
        after = "\n".join(_replaced(before.split("\n"), result.pieces))
        parses(program, after)
        again = facts_of(after, LIBRARY)
        for wish in wishes:
            for fact, value in wish.facts.items():
                if fact in again and fact not in DERIVED:
                    assert same(again[fact], value), after


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_the_whole_way_through_a_log(program: Program) -> None:
    """Found inside of a log, quoted as in mail or behind a prompt."""
    source = random.Random(f"log {program.name}")
    body = written(program, source)
    is_command = program.kind in ("flags", "bare", "overrides", "short")
    prompt = "(env) user@host:~/work$ " if is_command else ""
    fence = "" if is_command else "```\n"
    log = f"It dies with this:\n{fence}{prompt}{body.rstrip()}\n{fence}RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB\n"
    for text in (log, "\n".join(f"> {line}" for line in log.split("\n"))):
        remedy = program.remedies[0]
        wish = wish_of(remedy, {**facts_of(body, LIBRARY), "framework": program.framework}, program)
        assert wish is not None
        lines = text.split("\n")
        result = Editor(lines, [program.framework], LIBRARY).apply([wish])
        assert remedy in result.written, text
        after = "\n".join(_replaced(lines, result.pieces))
        facts = examine(after, library=LIBRARY).facts
        for fact, value in wish.facts.items():
            if fact in facts and fact not in DERIVED:
                assert same(facts[fact], value), after


def test_random_text_is_never_broken() -> None:
    source = random.Random(11)
    letters = "python --a=b -c \\\n\"'$#+ {}[]:;=é显\r\x0b\xa0,()>|"
    wish = Wish("r", "r", {"batch_size": 1}, lambda _: [Change("transformers", "--per_device_train_batch_size 1")])
    for _ in range(400):
        text = "python x.py --per_device_train_batch_size 4 " + "".join(
            source.choices(letters, k=source.randrange(300))
        )
        result = Editor(text.split("\n"), ["transformers"], LIBRARY).apply([wish])
        _replaced(text.split("\n"), result.pieces)


def _replaced(lines: Sequence[str], pieces: Sequence[object]) -> list[str]:
    rows = list(lines)
    for piece in reversed(pieces):
        rows[piece.first : piece.first + len(piece.before)] = piece.after  # type: ignore[attr-defined]
    return rows


def _lines_changed(before: str, after: str) -> int:
    return sum(row.startswith("- ") for row in difflib.ndiff(before.split("\n"), after.split("\n")))


@pytest.mark.parametrize(
    "line", ["x = (", '{"a": {', "[a]", "python x.py " + "--a 1 " * 600, "x = " + "-" * 3900 + "1", "\\"]
)
def test_blocks_that_never_end_are_given_up(line: str) -> None:
    """The work is bounded however long the text is: lines looked at and characters parsed are counted."""
    looks: list[int] = []
    lines = _Counted([line] * 4000, looks)
    blocks_of(lines, lambda key: True)
    assert len(looks) <= 3 * MAX_LOOKS


class _Counted(list[str]):
    """Lines that count how often one of them is taken."""

    def __init__(self, lines: Sequence[str], looks: list[int]) -> None:
        super().__init__(lines)
        self._looks = looks

    def __getitem__(self, index):  # type: ignore[no-untyped-def,override]
        self._looks.append(1)
        return super().__getitem__(index)
