"""Events as GitHub sends them: what is read of them, and which of them need a look."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.errors import InputError
from bots.github.event import event_of, irrelevant, read_event


def payload(**changes: Any) -> dict[str, Any]:
    user = {"login": "reporter", "type": "User"}
    issue = {
        "number": 7, "title": "OOM", "body": None, "user": user, "state": "open", "labels": [{"name": "bug"}], "author_association": "NONE",
        "created_at": "2026-11-20T10:00:00Z",
    }  # fmt: skip
    return {"action": "opened", "issue": issue, "sender": user, "repository": {"full_name": "lab/trainer"}} | changes


def test_an_issue_is_read() -> None:
    event = read_event(json.dumps(payload()).encode())
    assert event is not None
    assert (event.repository, event.issue.number, event.issue.body, event.issue.labels) == (
        "lab/trainer",
        7,
        "",
        ("bug",),
    )
    assert event.issue.created_at is not None
    assert irrelevant(event) == ""


def test_a_command_of_the_reporter_is_seen() -> None:
    comment = {"id": 1, "body": "/advisor recheck", "user": {"login": "reporter"}, "author_association": "NONE"}
    event = event_of(payload(action="created", comment=comment))
    assert event is not None
    assert (event.commanded, event.again) == (True, True)
    comment["user"] = {"login": "another"}
    event = event_of(payload(action="created", comment=comment))
    assert event is not None
    assert (event.commanded, event.again) == (False, False)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"issue": None}, "no issue"),
        ({"issue": None, "pull_request": {"number": 1, "title": "CUDA out of memory"}}, "no issue"),
        ({"issue": {"number": 7, "pull_request": {"url": "x"}}}, "pull request"),
        ({"sender": {"login": "x", "type": "Bot"}}, "a bot did it"),
        ({"sender": {"login": "x[bot]", "type": "User"}}, "a bot did it"),
        ({"sender": {"login": "me"}}, "our own"),
        ({"action": "closed"}, "nothing is done on closed"),
        ({"action": "labeled", "label": {"name": "bug"}}, "another label"),
        ({"action": "created", "comment": {"id": 1, "user": {"login": "x", "type": "Bot"}}}, "a bot wrote it"),
    ],
)
def test_what_needs_no_look(changes: dict[str, Any], why: str) -> None:
    event = event_of({name: value for name, value in payload(**changes).items() if value is not None})
    assert why in irrelevant(event, own_login="me", opt_out_label="advisor-ignore")


def test_the_label_that_switches_off_needs_a_look() -> None:
    event = event_of(payload(action="labeled", label={"name": "advisor-ignore"}))
    assert irrelevant(event, opt_out_label="advisor-ignore") == ""


@pytest.mark.parametrize(
    "name",
    [
        "",
        "lab",
        "lab/",
        "/trainer",
        "lab/../../user",
        "lab/trainer?x=1",
        "lab/tr ainer",
        "lab/trainer/issues",
        "läb/trainer",
    ],
)
def test_a_repository_must_look_like_one(name: str) -> None:
    with pytest.raises(InputError, match="no repository"):
        event_of(payload(repository={"full_name": name}))


def test_a_repository_can_be_given_beside_the_event() -> None:
    event = event_of({name: value for name, value in payload().items() if name != "repository"}, repository="lab/other")
    assert event is not None
    assert event.repository == "lab/other"
    with pytest.raises(InputError):
        event_of(payload(), repository="../x")


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b'"x"', b"[" * 100_000])
def test_nonsense_is_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        read_event(data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["login", "type", "name", "number", "body", "id", "labels", "user", "title", "full_name"]), inner, max_size=4
    ), max_leaves=12,
)  # fmt: skip


@given(
    st.dictionaries(
        st.sampled_from(["action", "issue", "comment", "sender", "repository", "label", "installation"]), json_values
    )
)
def test_any_shape_is_read_or_refused(data: dict[str, Any]) -> None:
    try:
        event = event_of(data)
    except InputError:
        return
    irrelevant(event)
