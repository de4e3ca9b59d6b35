"""`/vram fit`: the largest batch and length, or the fewest cards, with which the described run still fits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from advisor.diagnosis import Case, examine
from advisor.errors import TooLittleKnown
from advisor.estimate import estimate
from advisor.facts import FactValue, Lang
from advisor.language import language_of
from advisor.plan.fit import VARIABLES, Fit, best
from advisor.vocabulary import VOCABULARY
from bots.slack.answers.deliver import send
from bots.slack.pages import fit_page, sentence
from bots.slack.tools import Tools
from bots.slack.words import lang_of, say


def fit(payload: Mapping[str, Any], tools: Tools) -> None:
    """Answers with one row for each fact worth varying; the first word may name the only one."""
    text = str(payload.get("text") or "")
    first, _, rest = text.strip().partition(" ")
    only = first if first in VARIABLES else ""
    lang: Lang = lang_of(str(payload["lang"])) if payload.get("lang") in ("en", "zh") else language_of(text)
    stated: dict[str, FactValue] = {"failure_kind": "question"}
    case = examine(rest if only else text, stated=stated, library=tools.library, lang=lang)
    if case.capacity_gib is None and payload.get("gpu"):
        case = examine(
            rest if only else text,
            stated={**stated, "gpu_name": str(payload["gpu"])},
            library=tools.library,
            lang=lang,
        )
    capacity = case.capacity_gib
    if case.estimate is None:
        missing = ", ".join(_asked(name, lang) for name in case.missing) or _asked("model", lang)
        send(tools, payload, sentence(say("fit.unknown", lang, missing=missing)))
    elif capacity is None:
        send(tools, payload, sentence(say("fit.which", lang)))
    else:
        rows = [row for name in ([only] if only else _varied(case)) if (row := _best(case, name, capacity)) is not None]
        card = str(case.facts.get("gpu_name") or "GPU")
        send(tools, payload, fit_page(rows, _described(case), card, capacity, lang))


def _asked(fact: str, lang: Lang) -> str:
    spec = VOCABULARY.get(fact)
    return fact if spec is None else (spec.zh if lang == "zh" else spec.en)


def _varied(case: Case) -> list[str]:
    words = case.specification.words
    serving = words.get("task") == "inference"
    names = ["concurrency", "max_model_len"] if "max_model_len" in words else ["batch_size", "seq_len"]
    if not serving and "lora_rank" in words:
        names.append("lora_rank")
    return [*names, "gpu_count"]


def _best(case: Case, name: str, capacity: float) -> Fit | None:
    words = {key: value for key, value in case.specification.words.items() if key != name}
    try:
        return best(words, name, lambda spec: estimate(spec, case.library), capacity)
    except TooLittleKnown:
        return None


def _described(case: Case) -> str:
    shown = ("model", "method", "quantization", "precision", "batch_size", "seq_len", "gpu_count")
    return " · ".join(f"{name} {case.facts[name]}" for name in shown if name in case.facts)
