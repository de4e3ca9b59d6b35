"""What can be known of a run: the shape of a fact, its check, and the observation that carries it with its place in the text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

from msgspec import Struct

from advisor.errors import FactError
from advisor.units import parse_size
from advisor.vocabulary import DESCRIBABLE, PHASES, VOCABULARY, FactSpec, Kind, Lang

__all__ = [
    "FAILURE_KINDS", "PHASES", "PSEUDO_FACTS", "VRAM_KINDS", "FactSpec", "FactValue", "Facts", "Kind", "Lang", "Observation", "check_fact",
    "check_facts", "spec_of",
]  # fmt: skip

FactValue: TypeAlias = str | int | float | bool | list[str]
Facts: TypeAlias = Mapping[str, FactValue]

FAILURE_KINDS = ("vram_oom", "kv_cache", "host_oom", "shm", "kernel_resources", "question", "other_error", "none")
# The kinds for which device-memory remedies make sense.
VRAM_KINDS = frozenset({"vram_oom", "kv_cache", "question"})
# What a reader may report beside the facts: the kind of failure, a named signal, a remedy that is already on or was tried, a wish of
# knowledge/wishes.yaml, the fact whose largest value is asked for.
PSEUDO_FACTS = frozenset({"failure_kind", "signal", "tried", "wish", "largest", "total_batch"})


class Observation(Struct, frozen=True):
    """One thing that a reader saw.

    Attributes:
        fact: a word of the vocabulary, or `failure_kind`, `signal`, `tried`.
        value: typed as the word demands.
        line: 1-based line of the original text; 0 when stated outside the text (an option of the command line).
        quote: the line, shortened.
        rank: settles conflicts, the higher wins (90 numbers of the error message, 80 configuration printed by the program,
            70 command line, 60 configuration file, 55 code, 40 prose, 20 inferred from a name; 100 stated by option).
        confidence: of a `failure_kind`, 0 to 1.
        origin: stated in the text, derived from stated facts, or measured in a live process or a memory snapshot.
        reader: the reader's name.
    """

    fact: str
    value: FactValue
    line: int
    quote: str
    rank: int = 50
    confidence: float = 1.0
    origin: Literal["stated", "derived", "measured"] = "stated"
    reader: str = ""


def spec_of(name: str) -> FactSpec:
    """The word `name` of the vocabulary.

    Raises:
        FactError: no fact has that name; the nearest names are suggested.
    """
    spec = VOCABULARY.get(name)
    if spec is None:
        near = _near(name, VOCABULARY, 3) or [known for known in DESCRIBABLE if name and known.startswith(name)][:3]
        hint = f"Did you mean {', '.join(near)}?" if near else "`advisor facts` lists all names."
        raise FactError(f"there is no fact named {name!r}", hint=hint)
    return spec


def _near(word: str, words: Iterable[str], count: int) -> list[str]:
    import difflib  # only for a message, and slow to import

    return difflib.get_close_matches(word, list(words), n=count)


def check_fact(name: str, value: object) -> FactValue:
    """The value in the type that the vocabulary gives `name`: text is converted, numbers are bounded.

    Raises:
        FactError: the name is unknown or the value can't be that fact's.
    """
    spec = spec_of(name)
    if spec.kind == "list":
        return _as_list(spec, value)
    if isinstance(value, list | tuple | dict | set):
        raise FactError(f"expected one {spec.kind} value, got {type(value).__name__}", place=name)
    if spec.kind == "bool":
        return _as_bool(spec, value)
    if spec.kind in ("int", "float", "gib"):
        return _as_number(spec, value)
    if isinstance(value, bool) or value is None:
        raise FactError(f"expected a word, got {value!r}", place=name)
    text = str(value).strip()
    if not text or len(text) > 300:
        raise FactError("expected a text of 1 to 300 characters", place=name)
    if spec.choices and text not in spec.choices:
        folded = {choice.lower(): choice for choice in spec.choices}
        if text.lower() in folded:
            return folded[text.lower()]
        near = _near(text.lower(), spec.choices, 1)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise FactError(
            f"{text!r} is not one of its values", place=name, hint=f"{hint}Values: {', '.join(spec.choices)}."
        )
    return text


def _as_list(spec: FactSpec, value: object) -> FactValue:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return [str(item) for item in value]
    raise FactError(f"expected a word or a list of words, got {value!r}", place=spec.name)


def _as_bool(spec: FactSpec, value: object) -> bool:
    if isinstance(value, bool):
        return value
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    answer = words.get(str(value).strip().lower())
    if answer is None:
        raise FactError(f"expected true or false, got {value!r}", place=spec.name)
    return answer


def _as_number(spec: FactSpec, value: object) -> int | float:
    number: float
    if isinstance(value, bool) or value is None:
        raise FactError(f"expected a number, got {value!r}", place=spec.name)
    if isinstance(value, int | float):
        number = float(value)
    else:
        text = str(value).strip()
        try:
            number = float(text.replace("_", "").replace(",", ""))
        except ValueError:
            size = parse_size(text) if spec.kind == "gib" else None
            if size is None:
                hint = "Write it as 24, 23.7 or 512MiB." if spec.kind == "gib" else ""
                raise FactError(f"expected a number, got {text[:60]!r}", place=spec.name, hint=hint) from None
            number = size
    if not math.isfinite(number):
        raise FactError(f"expected a finite number, got {value!r}", place=spec.name)
    if not spec.low <= number <= spec.high:
        raise FactError(f"{number:g} is outside {spec.low:g} to {spec.high:g}", place=spec.name)
    if spec.kind == "int":
        if number != int(number):
            raise FactError(f"expected a whole number, got {number:g}", place=spec.name)
        return int(number)
    return number


def check_facts(values: Mapping[str, object]) -> dict[str, FactValue]:
    """Every value checked by `check_fact`. Raises FactError for the first that is wrong."""
    return {name: check_fact(name, value) for name, value in values.items()}
