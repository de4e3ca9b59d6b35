"""What can be pressed under an answer: boxes that estimate again, reasons, feedback, sharing."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from advisor.render.slack.blocks import (
    MAX_CHECKBOXES,
    Block,
    Element,
    actions,
    button,
    checkboxes,
    confirmation,
    context,
    option,
    select,
)
from advisor.render.slack.words import w
from advisor.report import Diagnosis, RemedyReport

APPLY, WHY, TRIED = "vram_apply", "vram_why", "vram_tried"
WORKED, DID_NOT, ANSWER, REPORT, SHARE = "vram_worked", "vram_did_not", "vram_answer", "vram_report", "vram_share"
MAX_ASKED = 12  # remedies that one can ask about
_ID_MARKS = str.maketrans("", "", "_.-")


class Controls(Struct, frozen=True):
    """Which case the message is of, and what may be pressed.

    Attributes:
        case: the id that comes back with every press; 1 to 100 of `A-Z a-z 0-9 _ . -`.
        private: only one person sees the message, so it can be shared.
        share: whether there is a channel to share with.
        tried: remedies that the person tried already, with their titles.
        feedback: `worked`, `did_not`, or empty while nobody said.
    """

    case: str
    private: bool = False
    share: bool = False
    tried: tuple[str, ...] = ()
    feedback: str = ""


def is_id(text: str) -> bool:
    """Whether a text can go into the ids of blocks and values and come back: 1 to 100 of `A-Z a-z 0-9 _ . -`."""
    bare = text.translate(_ID_MARKS)
    return 0 < len(text) <= 100 and text.isascii() and (not bare or bare.isalnum())


def case_of(block_id: str) -> str:
    """The case of a block id that `control_blocks` made; empty for any other.

    >>> case_of("case:abc-1:ask"), case_of("x")
    ('abc-1', '')
    """
    parts = block_id.split(":")
    return parts[1] if len(parts) == 3 and parts[0] == "case" and is_id(parts[1]) else ""


def control_blocks(d: Diagnosis, controls: Controls, ticked: Sequence[str]) -> list[Block]:
    """The blocks under the answer, at most five; raises ValueError for a case id that could not come back."""
    if not is_id(controls.case):
        raise ValueError(f"not an id of a case: {controls.case!r}")
    lang, case = d.lang, controls.case
    blocks: list[Block] = []
    choices = _choices(d)
    if choices:
        blocks.append(context([w("apply" if d.estimate is not None else "tick", lang)]))
        options = [option(f"{remedy.rank}. {remedy.title}", remedy.id) for remedy in choices]
        blocks.append(actions(f"case:{case}:apply", [checkboxes(APPLY, options, ticked)]))
    listed = list({remedy.id: remedy for remedy in d.remedies if is_id(remedy.id)}.values())[:MAX_ASKED]
    asks: list[Element] = []
    if listed:
        names = [option(f"{remedy.rank}. {remedy.title}", remedy.id) for remedy in listed]
        asks.append(select(WHY, w("why", lang), names))
    if choices:
        asks.append(button(TRIED, w("already_tried", lang), case))
    if d.questions:
        facts = [question.fact for question in d.questions if is_id(question.fact)]
        asks.append(button(ANSWER, w("answer", lang), ",".join(facts[:10]) or "-"))
    asks.append(button(REPORT, w("report", lang), case))
    blocks.append(actions(f"case:{case}:ask", asks))
    says: list[Element] = []
    if not controls.feedback and d.failure.kind != "none":
        says.append(button(WORKED, w("worked", lang), case, style="primary"))
        says.append(button(DID_NOT, w("did_not", lang), case))
    if controls.share:
        confirm = confirmation(w("share_title", lang), w("share_text", lang), w("share_yes", lang), w("share_no", lang))
        says.append(button(SHARE, w("share", lang), case, confirm=confirm))
    if says:
        blocks.append(actions(f"case:{case}:say", says))
    notes = []
    if controls.tried:
        notes.append(w("tried", lang, list=w("comma", lang).join(controls.tried)))
    if controls.feedback:
        notes.append(w(f"thanks_{controls.feedback}", lang))
    if controls.private:
        notes.append(w("only_you", lang))
    if notes:
        blocks.append(context(notes, 300))
    return blocks


def _choices(d: Diagnosis) -> list[RemedyReport]:
    """The remedies that get a box, in rank order: those of the plan, those that an estimate can follow, then the others."""
    known = {remedy.id: remedy for remedy in d.remedies if is_id(remedy.id)}
    plan = [name for name in (d.plan.steps if d.plan else ()) if name in known]
    measured = [name for name, remedy in known.items() if remedy.saves is not None or remedy.set]
    kept = list(dict.fromkeys([*plan, *measured, *known]))[:MAX_CHECKBOXES]
    return [remedy for name, remedy in known.items() if name in kept]
