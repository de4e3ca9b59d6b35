"""What the failed allocation was for: its size held against the tensors that the run would ask for, said with how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from advisor.allocation import MIN_GIB, Match, explain_request
from advisor.estimate.catalogue import find_model
from advisor.facts import FactValue, Lang
from advisor.library import Library
from advisor.readers.document import Document
from advisor.units import format_gib

MIN_CONFIDENCE = 0.5
_SURE = 0.75
_RUNTIMES = frozenset({"", "pytorch", "rocm", "xpu", "vllm", "sglang", "tgi"})
_KINDS = frozenset({"llm", "vlm", "encoder", "seq2seq", ""})
_ABOVE, _BELOW = 4000, 200  # characters of the traceback around the message

_SAID = {
    "en": (
        " The {request} are {tensor} ({formula}).",
        " The {request} look like {tensor} ({formula}).",
        " With {solved}, the {request} would be {tensor} ({formula}).",
    ),
    "zh": (
        "这 {request} 正是{tensor}({formula})。",
        "这 {request} 很可能是{tensor}({formula})。",
        "若 {solved},这 {request} 正好是{tensor}({formula})。",
    ),
}  # fmt: skip


def asked_for(
    facts: Mapping[str, FactValue], words: Mapping[str, FactValue], document: Document, library: Library
) -> Match | None:
    """The tensor that the failed allocation was most likely for; None where that can't be told.

    Args:
        facts: what was read; its request, batch and length are compared.
        words: the specification of the run, which names the model or gives its architecture.
    """
    request = facts.get("tried_to_allocate_gib")
    if not isinstance(request, int | float) or request < MIN_GIB or str(facts.get("runtime", "")) not in _RUNTIMES:
        return None
    config: Any = words.get("arch")
    if not isinstance(config, Mapping):
        model = find_model(words, library)
        if model is None or model.kind not in _KINDS:
            return None
        config = model.config
    place = document.lower.find("tried to allocate")
    context = document.lower[max(0, place - _ABOVE) : max(0, place) + _BELOW]
    found = explain_request(float(request), config, facts, context)
    return found[0] if found and found[0].confidence >= MIN_CONFIDENCE else None


def sentence(match: Match, facts: Mapping[str, FactValue], library: Library, lang: Lang) -> str:
    """The finding in words, hedged by its confidence."""
    title = library.settings.get("tensors", {}).get(match.tensor.id, {}).get(lang) or match.tensor.id.replace("_", " ")
    request = format_gib(float(facts["tried_to_allocate_gib"]))  # type: ignore[arg-type]
    solved = ", ".join(f"{name}={value}" for name, value in match.solved.items())
    form = _SAID[lang][2 if solved else 0 if match.confidence >= _SURE else 1]
    return form.format(request=request, tensor=title, formula=match.tensor.formula, solved=solved)
