"""Why each remedy is advised, in one sentence of its own: no two remedies of an answer are given the same reason.

>>> first_sentence("Feature maps grow with the pixels: half the side is a quarter. Patches keep the detail.")
'Feature maps grow with the pixels: half the side is a quarter.'
>>> first_sentence("权重放在内存,用到时才搬上 GPU。小卡能跑大模型。")
'权重放在内存,用到时才搬上 GPU。'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import re2

from advisor.diagnosis.sentences import sentence
from advisor.engine import Firing
from advisor.facts import FactValue

if TYPE_CHECKING:
    from advisor.diagnosis import Case
    from advisor.plan import RankedRemedy

# A full stop that ends a sentence: not that of a number, of `loss.item()`, or of an abbreviation of two letters.
_END = re2.compile(r"[。!?]|[\w)\]`%\"]{3}\.(?:\s|$)")


LEADS = 0.85  # of the weight of what the rule argues for most


def first_sentence(text: str) -> str:
    """The text up to its first full stop, all of it without one."""
    end = _END.search(text)
    return text[: end.end()].rstrip() if end is not None else text


def reasons(case: Case, ranking: Sequence[RankedRemedy]) -> list[str]:
    """One sentence for each remedy, the best first.

    A remedy takes the sentence of the rule that argues for it most strongly. A rule may argue for several remedies: then its sentence
    is that of the one it argues for most, and a further one takes what its next rule says, or else what the remedy does.
    """
    said: set[str] = set()
    found = []
    for ranked in ranking:
        after: Mapping[str, FactValue] = {**case.specification.words, **case.stated_words, **ranked.changed}
        name = ranked.remedy.id
        firings = sorted(
            (item for item in ranked.firings if _leads(item, name)), key=lambda item: -weight_of(item, name)
        )
        candidates = [sentence(firing.rule.because, case.trace.facts, case.lang) for firing in firings]
        candidates.append(first_sentence(sentence(ranked.remedy.what, after, case.lang)))
        reason = next((text for text in candidates if text and text not in said), candidates[-1])
        said.add(reason)
        found.append(reason)
    return found


def _leads(firing: Firing, name: str) -> bool:
    """Whether the remedy is what the rule argues for most, or nearly so."""
    strongest = max((c.weight for c in firing.rule.then if c.kind == "remedy"), default=0.0)
    return weight_of(firing, name) >= LEADS * strongest


def weight_of(firing: Firing, name: str) -> float:
    """How strongly a rule argues for a cause or a remedy, 0.0 if not at all."""
    return max((c.weight for c in firing.rule.then if c.id == name), default=0.0)
