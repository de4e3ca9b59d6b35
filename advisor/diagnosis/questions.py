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
) -> tuple[Question, ...]:
    """The most valuable questions first, at most MAX_QUESTIONS.

    Args:
        assumed: what the estimate had to assume.
        spec: the specification that was estimated.
        need: estimates a specification in GiB; raises AdvisorError where it can't.
        missing: what an estimate would need, when there is none.
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
    moved = moves(facts, assumed, spec, need)
    return tuple(
        Question(fact, spec_of(fact).ask(lang), word("question.why", lang, gib=format_gib(gib)))
        for gib, fact in moved[:MAX_QUESTIONS]
    )


def moves(
    facts: Mapping[str, FactValue],
    assumed: Mapping[str, FactValue],
    spec: Mapping[str, FactValue],
    need: Callable[[Mapping[str, FactValue]], float],
) -> list[tuple[float, str]]:
    """By how many GiB each assumed fact's likely answers move the estimate, the largest first; small ones are left out."""
    base = need(spec)
    found = []
    for fact in assumed:
        if fact in facts or fact not in _LIKELY:
            continue
        results = [base]
        for answer in _LIKELY[fact]:
            try:
                results.append(need({**spec, fact: answer}))
            except AdvisorError:
                continue
        change = max(results) - min(results)
        if change >= max(MIN_CHANGE_GIB, MIN_CHANGE_SHARE * base):
            found.append((change, fact))
    return sorted(found, reverse=True)
