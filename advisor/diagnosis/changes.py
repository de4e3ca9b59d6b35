"""The exact change for the user's own framework: picked along its lineage, its placeholders filled from the changed run."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from advisor import records
from advisor.edits.pairs import respelled
from advisor.facts import FactValue, Lang
from advisor.library import Library
from advisor.plan.edit import at_home
from advisor.report import Change
from advisor.units import in_versions


class _Filler(string.Formatter):
    """Fills what is known; an unknown placeholder is shown as its name in angle brackets."""

    def get_value(self, key: int | str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        return kwargs.get(str(key), _Blank(str(key)))

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, str]:
        return self.get_value(field_name, args, kwargs), field_name  # no attribute or item access


class _Blank:
    def __init__(self, name: str) -> None:
        self.name = name

    def __format__(self, spec: str) -> str:
        return f"<{self.name}>"


_FILLER = _Filler()


def fill(text: str, facts: Mapping[str, FactValue]) -> str:
    """The text with `{fact}` replaced by its value. Braces of JSON and code stay as they are.

    >>> fill('--batch {batch_size} {"stage": 3} {seq_len}', {"batch_size": 2})
    '--batch 2 {"stage": 3} <seq_len>'
    """
    pieces = []
    rest = text
    while rest:
        before, brace, after = rest.partition("{")
        pieces.append(before)
        if not brace:
            break
        name, closing, remainder = after.partition("}")
        plain = name.split(":")[0]
        if (
            closing
            and plain
            and plain.replace("_", "").replace(".", "").isalnum()
            and plain[0].islower()
            and "\n" not in name
        ):
            try:
                pieces.append(_FILLER.format("{" + name + "}", **_words(facts)))
            except (ValueError, TypeError):
                pieces.append(str(facts.get(plain, f"<{plain}>")))
            rest = remainder
        else:
            pieces.append(brace)
            rest = after
    return "".join(pieces)


# What a card without bf16 is told instead: the same in fp16.
_HALF = (
    ("bf16-mixed", "16-mixed"), ("bf16-true", "16-true"), ("bfloat16", "float16"), ("full_bf16", "full_fp16"), ("bf16", "fp16"),
)  # fmt: skip
_NOT_IN_HALF = ("pure_bf16",)
AMPERE = 8.0
# The facts that tell the versions of libraries below a program.
_VERSIONS = {"pytorch": "torch_version", "transformers": "transformers_version"}


def lacks_bf16(gpu_name: str, library: Library) -> bool:
    """Whether it is an NVIDIA card from before Ampere (compute capability below 8): V100, T4, RTX 20, GTX 10 ..."""
    card = library.gpus.get(gpu_name)
    try:
        return card is not None and bool(card.compute_capability) and float(card.compute_capability) < AMPERE
    except ValueError:
        return False


def in_half(change: Change) -> Change:
    """The change for a card without bf16."""
    if ("bf16" not in change.text and "bfloat16" not in change.text) or change.kind == "prose":
        return change
    lines = [line for line in change.text.split("\n") if not any(word in line for word in _NOT_IN_HALF)]
    text = "\n".join(lines)
    for word, other in _HALF:
        text = text.replace(word, other)
    return replace(change, text=text or change.text)


def _words(facts: Mapping[str, FactValue]) -> dict[str, Any]:
    return {name: ",".join(value) if isinstance(value, list) else value for name, value in facts.items()}


def changes_for(
    remedy: records.Remedy, facts: Mapping[str, FactValue], library: Library, lang: Lang
) -> tuple[Change, ...]:
    """The changes of a remedy for the framework of the facts, or of the nearest family that has one.

    Args:
        facts: the facts after the remedy's edit; `framework` and the versions decide which change holds. For a size that is
            not among them, the small one of `knowledge/examples.yaml` is shown.
    """
    examples: Mapping[str, FactValue] = library.settings.get("examples") or {}
    # What the remedy doubles was doubled by its edit; a default of 1 was not, and would say nothing.
    doubled = {name for edit in remedy.edit for name in edit.double}
    filling = {**examples, **{name: value for name, value in facts.items() if name not in doubled or value != 1}}
    stated = str(facts.get("framework", ""))
    runtime = str(facts.get("runtime", ""))
    start = stated or (runtime if runtime in library.frameworks else "pytorch")
    own = str(facts.get(_VERSIONS.get(start, ""), "") or facts.get("framework_version", ""))
    for framework in library.lineage(start):
        # Below the program that ran its version says nothing.
        version = own if framework == start else str(facts.get(_VERSIONS.get(framework, ""), ""))
        found = [
            change
            for change in remedy.changes.get(framework, ())
            if in_versions(version, change.since, change.until) and at_home(change.where, facts)
        ]
        # What is for the very moment of the failure needs no general advice beside it.
        found = [change for change in found if "phase" in change.where] or found
        if found:
            filled = (
                Change(
                    framework,
                    fill(change.text, filling),
                    change.kind,
                    fill(change.note.get(lang, ""), filling),
                    change.source,
                )
                for change in found
            )
            config = library.frameworks[start].config if start in library.frameworks and framework != start else ""
            spelled = [respelled(change, config) if config else change for change in filled]
            old = lacks_bf16(str(facts.get("gpu_name", "")), library)
            return tuple(in_half(change) for change in spelled) if old else tuple(spelled)
    return ()
