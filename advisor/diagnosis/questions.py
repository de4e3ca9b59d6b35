"""What to ask: the facts that are not stated, ranked by how far their likely answers move the estimate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from advisor.errors import AdvisorError
from advisor.facts import FactValue, Lang, spec_of
from advisor.report import Question
from advisor.units import format_gib
from advisor.wording import word

MAX_QUESTIONS = 3
MIN_CHANGE_GIB = 0.25
MIN_CHANGE_SHARE = 0.03  # of the estimate
CLEAR_SHARE = 0.3  # what another answer than the program's own default must move
DEFAULT_WEIGHT = 0.5  # how much less likely that answer is

# Answers that are common, to see how much knowing the fact would move the estimate.
_LIKELY: dict[str, Sequence[FactValue]] = {
    "batch_size": (1, 8),
    "seq_len": (512, 4096),
    "gradient_checkpointing": (True, False),
    "method": ("full", "lora"),
    "precision": ("fp32", "bf16"),
    "optimizer": ("adamw", "adamw_8bit", "sgd"),
    "gpu_count": (1, 8),
    "image_resolution": ("448x448", "1344x1344"),
    "task": ("train", "inference"),
}
# Where nothing can be estimated: what helps most, for training and for serving.
_FIRST = ("model", "params_b", "gpu_name", "task", "method", "batch_size", "seq_len", "framework")


def questions(
    facts: Mapping[str, FactValue],
    assumed: Mapping[str, FactValue],
    spec: Mapping[str, FactValue],
    need: Callable[[Mapping[str, FactValue]], float],
    missing: Sequence[str],
    lang: Lang,
    defaults: Mapping[str, FactValue] | None = None,
) -> tuple[Question, ...]:
    """The most valuable questions first, at most MAX_QUESTIONS.

    Args:
        assumed: what the estimate had to assume.
        spec: the specification that was estimated.
        need: estimates a specification in GiB; raises AdvisorError where it can't.
        missing: what an estimate would need, when there is none.
        defaults: those of `assumed` that the program does by default: asked only where another answer would move much.
    """
    if missing:
        wanted = [*missing, *(fact for fact in _FIRST if fact not in missing)]
        names = [fact for fact in wanted if fact not in facts and spec_of(fact).ask(lang)]
        if "model" in facts or "params_b" in facts:
            names = [fact for fact in names if fact != "model"]
        return tuple(
            Question(fact, spec_of(fact).ask(lang), word("question.needed", lang) if fact in missing else "")
            for fact in names[:MAX_QUESTIONS]
        )
    moved = moves(facts, assumed, spec, need, defaults or {})
    return tuple(
        Question(fact, spec_of(fact).ask(lang), word("question.why", lang, gib=format_gib(gib)))
        for gib, fact in moved[:MAX_QUESTIONS]
    )


def moves(
    facts: Mapping[str, FactValue],
    assumed: Mapping[str, FactValue],
    spec: Mapping[str, FactValue],
    need: Callable[[Mapping[str, FactValue]], float],
    defaults: Mapping[str, FactValue] | None = None,
) -> list[tuple[float, str]]:
    """By how many GiB each assumed fact's likely answers move the estimate, the most telling first; small ones are left out.

    What the program does by default counts for less, and a switch that is on by default is on.
    """
    usual = defaults or {}
    base = need(spec)
    found = []
    for fact in assumed:
        if fact in facts or fact not in _LIKELY or usual.get(fact) is True:
            continue
        results = [base]
        for answer in _LIKELY[fact]:
            try:
                results.append(need({**spec, fact: answer}))
            except AdvisorError:
                continue
        change = max(results) - min(results)
        share = CLEAR_SHARE if fact in usual else MIN_CHANGE_SHARE
        if change >= max(MIN_CHANGE_GIB, share * base):
            found.append((change * (DEFAULT_WEIGHT if fact in usual else 1.0), change, fact))
    return [(change, fact) for _, change, fact in sorted(found, reverse=True)]
