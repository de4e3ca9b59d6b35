"""What should stand under an issue, worked out from the thread alone: the same thread always gives the same answer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

import re2
from msgspec import Struct
from msgspec.structs import replace

from advisor.diagnosis import Case, examine
from advisor.diagnosis.compose import compose
from advisor.diagnosis.rewrite import Pasted, steps_of_plan
from advisor.facts import FactValue, Lang
from advisor.language import language_of
from advisor.library import Library
from advisor.report import Diagnosis, EditReport
from bots.github import comment
from bots.github.commands import Orders, Said, orders
from bots.github.config import Config, Labels
from bots.github.event import Comment, Event, Issue
from bots.github.marker import Marker
from bots.github.policy import judge
from bots.github.text import digest, written
from bots.github.words import say

log = logging.getLogger("advisor.github")

# Of a thread's comments, how many are looked at for a failure, and how much text in them.
_MOST_COMMENTS, _MOST_TEXT = 100, 400_000
# A comment without any of these holds no message of a device that ran out of memory; most comments end here.
_HINT = re2.compile(
    r"(?i)memory|\boom|alloc|exhaust|cublas|cudnn|out of|exceed|insufficient|kv.?cache|cache blocks|vram|显存|内存|溢出|爆"
)
_SURE_CAUSE = 0.5
_LABEL_LENGTH, _DESCRIPTION_LENGTH = 50, 100


class Thread(Struct, frozen=True):
    """An issue with its comments, ours left out, the oldest first."""

    issue: Issue
    comments: tuple[Comment, ...] = ()


class Answer(Struct, frozen=True):
    """What should stand under the issue.

    Attributes:
        wish: `say`: the comment; `nothing`: no comment of ours; `leave`: whatever stands there stays.
        why: the reason of `nothing` and `leave`.
        marker: digest and labels of the comment.
        body: its text without the marker; "" where the comment that stands there has the same digest.
        labels: (name, colour, description) of each label to set.
        kind, confidence: of the failure.
        lang: of the comment.
        ignored: whether it is silent because somebody asked for it.
    """

    wish: Literal["say", "nothing", "leave"]
    why: str = ""
    marker: Marker = Marker("")
    body: str = ""
    labels: tuple[tuple[str, str, str], ...] = ()
    kind: str = ""
    confidence: float = 0.0
    lang: Lang = "en"
    ignored: bool = False


class _Subject(Struct, frozen=True):
    """The texts to diagnose, the first alone if the rest only spoils it; and who wrote them where it is not the issue itself."""

    texts: tuple[str, ...]
    kind: str
    confidence: float
    commenter: str = ""


def answer(
    thread: Thread,
    event: Event,
    config: Config,
    library: Library,
    *,
    standing: Marker | None = None,
    stated: Mapping[str, FactValue] | None = None,
    force: bool = False,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Answer:
    """What should stand under the issue.

    Args:
        thread: the issue and all comments but ours.
        event: what happened; only decides whether a closed or old issue is looked at.
        standing: the marker of the comment that stands there.
        stated: facts that override what the text says; commands in the thread override them.
        force: render again although nothing changed (`/advisor recheck`).
        now: the time, for the age of the issue.
    """
    issue = thread.issue
    leave = _left_alone(thread, event, config, standing, now)
    if leave:
        return Answer("leave", leave)
    if config.opt_out_label in issue.labels:
        return Answer("nothing", f"the issue has the label {config.opt_out_label}", ignored=True)
    said = [Said(issue.body, issue.author, issue.association)]
    said += [Said(item.body, item.author, item.association) for item in thread.comments if not item.author_is_bot]
    told = orders(said, issue.author)
    told = replace(told, facts={**(stated or {}), **told.facts})
    if told.ignore:
        return Answer("nothing", "it was told to ignore the issue", ignored=True)
    subject = _subject(thread, config, library)
    if isinstance(subject, str):
        return Answer("nothing", subject)
    settings = f"{config.fingerprint} {told.lang} {told.faults} {subject.commenter}"
    marker = digest(subject.texts, told.facts, settings)
    if standing is not None and standing.hash == marker and not force:
        return Answer("say", "nothing changed", marker=standing, kind=subject.kind, confidence=subject.confidence)
    case = _examined(subject, told, config, library)
    diagnosis = compose(case)
    about = comment.Subject(subject.commenter, told.faults)
    body = comment.render(diagnosis, about, remedies=config.remedies, edited=_edited(case))
    labels = labels_of(diagnosis, config.labels)
    names = tuple(name for name, _, _ in labels)
    return Answer(
        "say", "", Marker(marker, names), body, labels, diagnosis.failure.kind, diagnosis.failure.confidence, diagnosis.lang
    )  # fmt: skip


def _left_alone(
    thread: Thread, event: Event, config: Config, standing: Marker | None, now: Callable[[], datetime]
) -> str:
    """Why the thread is left as it is, or ""."""
    issue = thread.issue
    if not config.enabled:
        return "it is switched off in the settings"
    if issue.pull_request:
        return "it is a pull request"
    if issue.author_is_bot and not config.bots:
        return "a bot opened it"
    if not issue.open and not event.commanded:
        return "the issue is closed"
    if issue.locked:
        return "the issue is locked"
    fresh = event.action in ("opened", "reopened") or event.commanded
    if standing is None and not fresh and config.max_age_days and issue.created_at is not None:
        age = now() - issue.created_at
        if age > timedelta(days=config.max_age_days):
            return f"the issue is {age.days} days old"
    return ""


def issue_text(issue: Issue) -> str:
    """The title and what the reporter wrote below it, without the parts of a form."""
    return f"{issue.title.strip()}\n\n{written(issue.body)}".strip()


def _subject(thread: Thread, config: Config, library: Library) -> _Subject | str:
    """What to diagnose, or why there is nothing: the issue with what its reporter added; else the first comment that holds a failure."""
    issue = thread.issue
    text = issue_text(issue)
    verdict = judge(text, library, config, title=issue.title, labels=issue.labels)
    own = [
        written(item.body, quotes=False).strip()
        for item in thread.comments
        if item.author and item.author == issue.author and not item.author_is_bot
    ]
    added = tuple(item for item in own[-10:] if item)
    if verdict.speak:
        return _Subject((text, *added), verdict.kind, verdict.confidence)
    if config.comments == "nobody":
        return verdict.why
    budget = _MOST_TEXT
    for item in thread.comments[:_MOST_COMMENTS]:
        if item.author_is_bot or (config.comments == "reporter" and item.author != issue.author):
            continue
        if not _HINT.search(item.body) or budget < 0:
            continue
        said = written(item.body, quotes=False).strip()
        budget -= len(said)
        found = judge(said, library, config, title=issue.title, labels=issue.labels) if said else None
        if found is not None and found.speak:
            commenter = "" if item.author == issue.author else item.author
            return _Subject(
                (f"{text}\n\n{said}", said) if not commenter else (said,), found.kind, found.confidence, commenter
            )
    return verdict.why


def _examined(subject: _Subject, told: Orders, config: Config, library: Library) -> Case:
    """The case of all texts together; of fewer, where a later remark would turn it into another failure."""
    first = subject.texts[0]
    lang: Lang = told.lang or (language_of(first) if config.language == "auto" else config.language)  # type: ignore[assignment]
    readings = ["\n\n".join(subject.texts), first, subject.texts[-1]]
    for text in dict.fromkeys(readings):
        case = examine(text, stated=told.facts, library=library, lang=lang, emails=True)
        if case.kind == subject.kind:
            break
    if config.framework and "framework" not in case.facts:
        stated = {"framework": config.framework, **told.facts}
        case = examine(text, stated=stated, library=library, lang=lang, emails=True)
    return case


def _edited(case: Case) -> EditReport | None:
    """The reporter's own command or configuration with the plan written in; None where that can't be done."""
    steps = steps_of_plan(case)
    if not steps:
        return None
    try:
        return Pasted(case).rewrite(steps)
    except Exception as error:  # an edit that fails must not keep the answer back
        log.error("rewrite: %s", type(error).__name__)
        return None


def labels_of(diagnosis: Diagnosis, labels: Labels | None) -> tuple[tuple[str, str, str], ...]:
    """The labels that go with a diagnosis: (name, colour, description)."""
    if labels is None:
        return ()
    found = []
    if labels.oom:
        found.append((labels.oom, labels.color, say("label.oom", "en")))
    sure = [cause for cause in diagnosis.causes if cause.confidence >= _SURE_CAUSE]
    if labels.causes and sure:
        cause = max(sure, key=lambda cause: cause.confidence)
        title = _english(cause.id)
        found.append((f"{labels.causes}{cause.id}"[:_LABEL_LENGTH], labels.color, title[:_DESCRIPTION_LENGTH]))
    return tuple(found)


def _english(cause: str) -> str:
    from advisor.wording import word

    return word(f"cause.{cause}", "en")
