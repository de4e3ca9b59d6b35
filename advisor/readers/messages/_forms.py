"""A message format as a row: the pattern that recognises it, the failure that it means, and the facts in its groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from advisor.facts import FactValue, Observation, spec_of
from advisor.readers.document import Document
from advisor.readers.literals import Rare
from advisor.units import parse_size

RANK = 90
SERVER_RANK = 95
HINT_RANK = 12
MAX_MATCHES = 8
# A number with a unit, as runtimes print it; the unit may stand on the next line.
SIZE = r"([0-9][0-9.,]*\s*(?:[bB]ytes|[KMGT]i?B|[KMGT]\b|B\b))"
# A count of bytes, with or without thousands commas.
BYTES = r"([0-9][0-9,]*)"


class Form(Struct, frozen=True):
    """One wording.

    Attributes:
        pattern: RE2 over the cleaned text; its groups are the values of `facts`, in order. A blank stands for any white space, so
            that a wrapped message matches too.
        kind: the failure that it means; empty for lines that only carry facts.
        confidence: of the kind; see `failure.choose`.
        runtime: who reports; empty where others print the same.
        facts: names of the facts of the groups; a bare number of a size is in bytes; an empty name skips a group.
        says: further facts that the wording implies, such as the phase.
        server: the runtime is a server, which speaks for the libraries that fail inside it.
        unit: unit of sizes that are printed without one.
        rank: of the numbers; below RANK for what a program prints of the machine before it fails.
        once: only the first place counts.
        hints: facts that the wording only makes likely; anything else that is known overrules them.
    """

    pattern: str
    kind: str = ""
    confidence: float = 0.95
    runtime: str = ""
    facts: tuple[str, ...] = ()
    says: tuple[tuple[str, FactValue], ...] = ()
    server: bool = False
    unit: str = ""
    rank: int = RANK
    once: bool = False
    hints: tuple[tuple[str, FactValue], ...] = ()


class Compiled(Struct, frozen=True):
    """A form with its pattern, ready to match."""

    form: Form
    pattern: Rare


def compiled(forms: Sequence[Form]) -> tuple[Compiled, ...]:
    """The forms, ready to match. Call it lazily (functools.cache): most texts need none of them."""
    return tuple(Compiled(form, Rare(_loose(form.pattern))) for form in forms)


def _loose(pattern: str) -> str:
    """The pattern with `\\s+` for each blank outside of a character class; a blank with a repetition of its own keeps that.

    >>> print(_loose("of size ?([0-9 ]+) bytes"))
    of\\s+size\\s?([0-9 ]+)\\s+bytes
    """
    out, inside, escaped = [], False, False
    for here, char in enumerate(pattern):
        if char == " " and not inside and not escaped:
            out.append(r"\s" if pattern[here + 1 : here + 2] in ("?", "*", "+", "{") else r"\s+")
        else:
            out.append(char)
        if not escaped:
            inside = (inside or char == "[") and char != "]"
        escaped = char == "\\" and not escaped
    return "".join(out)


def seen(doc: Document, forms: Sequence[Compiled]) -> Iterator[Observation]:
    """The observations of every form, at most MAX_MATCHES places each; what a line says twice is reported once."""
    known: dict[tuple[str, FactValue, int], float] = {}
    for item in forms:
        for number, match in enumerate(item.pattern.finditer(doc.text, doc.lower)):
            if number == (1 if item.form.once else MAX_MATCHES):
                break
            for observation in _of_match(doc, item.form, match):
                words = isinstance(
                    observation.value, str
                )  # a kind or a phase counts once for the text, a number once for its line
                key = (observation.fact, observation.value, 0 if words else observation.line)
                if known.get(key, -1.0) < observation.confidence * 100 + observation.rank:
                    known[key] = observation.confidence * 100 + observation.rank
                    yield observation


def _of_match(doc: Document, form: Form, match: Any) -> Iterator[Observation]:
    line, quote = doc.line_at(match.start()), doc.quote(match.start())
    if form.kind:
        yield Observation("failure_kind", form.kind, line, quote, rank=RANK, confidence=form.confidence)
    if form.runtime:
        yield Observation("runtime", form.runtime, line, quote, rank=SERVER_RANK if form.server else RANK)
    for fact, value in form.says:
        yield Observation(fact, value, line, quote, rank=RANK - 5 if fact in ("task", "phase") else RANK)
    for fact, value in form.hints:
        yield Observation(fact, value, line, quote, rank=HINT_RANK, origin="derived")
    for index, fact in enumerate(form.facts, 1):
        text = match.group(index)
        if not fact or text is None:
            continue
        number = _number(fact, text, form.unit)
        if number is not None:
            place = match.start(index)
            yield Observation(fact, number, doc.line_at(place), doc.quote(place), rank=form.rank)


def _number(fact: str, text: str, unit: str) -> FactValue | None:
    kind = spec_of(fact).kind
    if kind == "gib" and text.startswith("0x"):
        return int(text, 16) / 2**30 if len(text) < 18 else None
    if kind == "gib":
        return parse_size(text if text[-1:].isalpha() else f"{text} {unit or 'bytes'}")
    if kind in ("text", "id"):
        return text.strip()
    try:
        return int(text.replace(",", "")) if kind == "int" else float(text.replace(",", ""))
    except ValueError:
        return None
