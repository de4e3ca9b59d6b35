"""What GitHub sent, as plain records, and whether it can matter at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import re2
from msgspec import Struct

from advisor.errors import InputError
from bots.github.commands import Said, asks_again, has_command, may_command

MAX_BYTES = 26 * 2**20  # GitHub's cap of a payload is 25 MB
# owner/name as GitHub allows them: nothing that could leave its place in a path
REPOSITORY = re2.compile(r"^[A-Za-z0-9][A-Za-z0-9-]{0,99}/[A-Za-z0-9._-]{1,100}$")
ISSUE_ACTIONS = frozenset({"opened", "edited", "reopened", "labeled", "unlabeled"})
COMMENT_ACTIONS = frozenset({"created", "edited", "deleted"})


class Issue(Struct, frozen=True):
    """An issue as far as it matters here."""

    number: int
    title: str = ""
    body: str = ""
    author: str = ""
    author_is_bot: bool = False
    association: str = "NONE"
    open: bool = True
    locked: bool = False
    pull_request: bool = False
    labels: tuple[str, ...] = ()
    created_at: datetime | None = None


class Comment(Struct, frozen=True):
    """A comment under an issue; ids grow with time."""

    id: int
    body: str = ""
    author: str = ""
    author_is_bot: bool = False
    association: str = "NONE"


class Event(Struct, frozen=True):
    """One event of an issue: `comment` where it is about one, `installation` where an app received it.

    `commanded`: a command of somebody who may give one; `again`: it asks for a new answer although nothing changed.
    """

    action: str
    repository: str
    issue: Issue
    comment: Comment | None = None
    sender: str = ""
    sender_is_bot: bool = False
    label: str = ""
    installation: int = 0
    commanded: bool = False
    again: bool = False
    updated_at: datetime | None = None


def read_event(data: bytes, place: str = "event", repository: str = "") -> Event | None:
    """The event of a webhook's payload; None where it is about no issue (a push, a review, a pull request).

    Args:
        data: the payload's JSON.
        place: where it came from, for messages.
        repository: in place of the payload's own.

    Raises:
        InputError: no JSON object, or an issue event without a repository or number.
    """
    if len(data) > MAX_BYTES:
        raise InputError(f"longer than {MAX_BYTES // 2**20} MiB", place=place)
    try:
        payload = json.loads(data)
    except (ValueError, RecursionError):
        raise InputError("not the JSON of a GitHub event", place=place, hint="Give $GITHUB_EVENT_PATH.") from None
    if not isinstance(payload, dict):
        raise InputError("not the JSON of a GitHub event", place=place, hint="Give $GITHUB_EVENT_PATH.")
    return event_of(payload, place, repository)


def event_of(payload: Mapping[str, Any], place: str = "event", repository: str = "") -> Event | None:
    """`read_event` for a payload that is parsed already."""
    if not isinstance(payload.get("issue"), dict):
        return None
    issue = issue_of(payload["issue"])
    repository = repository or _text(_part(payload, "repository"), "full_name")
    if not REPOSITORY.match(repository):
        raise InputError(f"the event names no repository ({repository[:80]!r})", place=place, hint="--repo OWNER/NAME")
    if issue.number < 1:
        raise InputError("the event names no issue", place=place)
    sender = _part(payload, "sender")
    about = payload["comment"] if isinstance(payload.get("comment"), dict) else None
    comment = comment_of(about) if about is not None else None
    said = Said(comment.body, comment.author, comment.association) if comment and not comment.author_is_bot else None
    installation = _part(payload, "installation").get("id")
    return Event(
        action=_text(payload, "action"),
        repository=repository,
        issue=issue,
        comment=comment,
        sender=_text(sender, "login"),
        sender_is_bot=is_bot(sender),
        label=_text(_part(payload, "label"), "name"),
        installation=installation if isinstance(installation, int) else 0,
        commanded=said is not None and has_command(said.body) and may_command(said, issue.author),
        again=said is not None and asks_again(said, issue.author),
        updated_at=_time(_text(about if about is not None else payload["issue"], "updated_at")),
    )


def irrelevant(event: Event | None, *, own_login: str = "", opt_out_label: str = "") -> str:
    """Why an event needs no look at the thread, or "" when it needs one. Costs no request."""
    if event is None:
        return "the event is about no issue"
    if event.issue.pull_request:
        return "it is a pull request"
    if own_login and event.sender == own_login:
        return "it is our own doing"
    if event.sender_is_bot:
        return "a bot did it"
    actions = ISSUE_ACTIONS if event.comment is None else COMMENT_ACTIONS
    if event.action not in actions:
        return f"nothing is done on {event.action or 'this'}"
    if event.action in ("labeled", "unlabeled") and opt_out_label and event.label != opt_out_label:
        return "it is about another label"
    if event.comment is not None and event.comment.author_is_bot:
        return "a bot wrote it"
    return ""


def issue_of(data: Mapping[str, Any]) -> Issue:
    """An issue of the REST API or of a payload."""
    user, labels, number = _part(data, "user"), data.get("labels"), data.get("number")
    items = labels if isinstance(labels, list) else []
    names = [_text(label, "name") if isinstance(label, dict) else str(label) for label in items]
    return Issue(
        number=number if isinstance(number, int) and not isinstance(number, bool) else 0,
        title=_text(data, "title")[:1_000],
        body=_text(data, "body"),
        author=_text(user, "login"),
        author_is_bot=is_bot(user),
        association=_text(data, "author_association") or "NONE",
        open=_text(data, "state") != "closed",
        locked=data.get("locked") is True,
        pull_request=bool(data.get("pull_request")),
        labels=tuple(name for name in names if name),
        created_at=_time(_text(data, "created_at")),
    )


def comment_of(data: Mapping[str, Any]) -> Comment:
    """A comment of the REST API or of a payload."""
    user, number = _part(data, "user"), data.get("id")
    return Comment(
        id=number if isinstance(number, int) else 0,
        body=_text(data, "body"),
        author=_text(user, "login"),
        author_is_bot=is_bot(user),
        association=_text(data, "author_association") or "NONE",
    )


def is_bot(user: Mapping[str, Any]) -> bool:
    """Whether an account is a bot: apps have the type Bot and a login that ends in [bot]."""
    return _text(user, "type") == "Bot" or _text(user, "login").endswith("[bot]")


def _part(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = data.get(name)
    return value if isinstance(value, dict) else {}


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str):
        return ""
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")


def _time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
