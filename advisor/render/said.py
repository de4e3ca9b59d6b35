"""Lines that several outputs share: what was ruled out by the person."""

from __future__ import annotations

from advisor.report import Diagnosis
from advisor.wording import word


def respected(d: Diagnosis) -> str:
    """What the person ruled out or insisted on, in one line; empty for nothing."""
    if not d.respected:
        return ""
    one = [word("respected.one", d.lang, text=item.text, line=item.line) for item in d.respected]
    return word("respected", d.lang, list=word("semicolon", d.lang).join(one))
