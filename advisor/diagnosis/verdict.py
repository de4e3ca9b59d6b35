"""One sentence that says what happened, for somebody who has just lost a run."""

from __future__ import annotations

from collections.abc import Mapping

from advisor.facts import FactValue, Lang
from advisor.report import EstimateReport, Failure, Held
from advisor.units import format_gib
from advisor.wording import WORDS, word


def verdict(
    failure: Failure,
    facts: Mapping[str, FactValue],
    estimate: EstimateReport | None,
    lang: Lang,
    held: Held | None = None,
) -> str:
    """The verdict in `lang`. The estimate is used where there is one, else what was measured; the numbers of the message always."""
    if failure.kind == "question":
        if estimate is None and held is not None:
            return word("verdict.held", lang, total=format_gib(held.total_gib)) + _mostly(held, lang)
        return _answer(facts, estimate, lang)
    head = word(f"kind.{failure.kind}", lang)
    known_phase = failure.phase and f"phase.{failure.phase}" in WORDS
    where = word(f"phase.{failure.phase}", lang) if known_phase else ""
    if failure.kind not in ("vram_oom", "kv_cache"):
        return _with_place("verdict.plain", head, "", lang)  # its name ends with what it is not
    text = _with_place("verdict.plain", head, where, lang)
    if estimate is not None:
        values = {"need": format_gib(estimate.need_gib), "card": card_name(facts, lang)}
        if estimate.capacity_gib is None:
            text = _with_place("verdict.needs_only", head, where, lang, **values)
        else:
            values["capacity"] = format_gib(estimate.capacity_gib)
            over = estimate.need_gib > estimate.capacity_gib
            text = _with_place("verdict.needs_over" if over else "verdict.needs_within", head, where, lang, **values)
    request, free = facts.get("tried_to_allocate_gib"), facts.get("gpu_free_gib")
    if isinstance(request, int | float) and isinstance(free, int | float):
        text += word("verdict.asked_for", lang, request=format_gib(request), free=format_gib(free))
    return text + _mostly(estimate or held, lang)


def card_name(facts: Mapping[str, FactValue], lang: Lang) -> str:
    """The card's name, or a word for it."""
    return str(facts.get("gpu_name") or word("this_card", lang))


def _answer(facts: Mapping[str, FactValue], estimate: EstimateReport | None, lang: Lang) -> str:
    if estimate is None:
        return word("verdict.question_unknown", lang)
    need = format_gib(estimate.need_gib)
    if estimate.capacity_gib is None:
        return word("verdict.question_need", lang, need=need) + _mostly(estimate, lang)
    key = "verdict.question_fits" if estimate.fits else "verdict.question_over"
    values = {"need": need, "capacity": format_gib(estimate.capacity_gib), "card": card_name(facts, lang)}
    return close_up(word(key, lang, **values), values["card"]) + _mostly(estimate, lang)


def close_up(text: str, card: str) -> str:
    """The blanks that set a Latin name off from Chinese go around a Chinese word."""
    return text if card.isascii() else text.replace(f" {card} ", card).replace(f"{card} ", card)


def _with_place(key: str, head: str, where: str, lang: Lang, **values: str) -> str:
    if lang == "zh":
        text = word(key, lang, head=head, where=where, **values)
        return close_up(text.replace("()", ""), values.get("card", ""))
    return word(key, lang, head=head, where=f" {where}" if where else "", **values)


def _mostly(estimate: EstimateReport | Held | None, lang: Lang) -> str:
    if estimate is None or not estimate.components or (isinstance(estimate, Held) and len(estimate.components) == 1):
        return ""
    largest = sorted(estimate.components, key=lambda component: -component.gib)
    total = sum(component.gib for component in largest)
    named, share = [], 0.0
    for component in largest[:3]:
        if share > 0.5 * total:
            break
        named.append(f"{component.title} ({format_gib(component.gib)})")
        share += component.gib
    parts = named[0] if len(named) == 1 else word("comma", lang).join(named[:-1]) + word("and", lang) + named[-1]
    return word("verdict.mostly", lang, parts=parts)
