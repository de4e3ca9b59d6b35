"""One repository's issues through GitHub's REST API, in as few requests as it takes."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

from advisor.errors import InputError
from bots.github.calls import API_URL, Caller, Patience, not_installed, requester_of
from bots.github.errors import Missing, Refused, Uncertain
from bots.github.event import REPOSITORY, Comment, Issue, comment_of, issue_of

# Who a workflow's GITHUB_TOKEN is: it may not ask /user for itself.
ACTIONS_LOGIN = "github-actions[bot]"
_PAGE = 100
_MOST_PAGES = 30


class GitHub:
    """The issues of one repository. Not for several threads at once: each takes its own."""

    def __init__(self, caller: Caller, repository: str, *, login: str = "") -> None:
        """`login` is who we are, where it is known; see `who_am_i`."""
        if not REPOSITORY.match(repository):
            raise InputError(f"{repository[:80]!r} is no repository", hint="Write it as owner/name.")
        self.repository = repository
        self._caller = caller
        self._login = login

    # What is there.

    def who_am_i(self) -> str:
        """Our own login: only comments by it are ever changed.

        The token of a workflow or an app may not ask /user; GraphQL's `viewer` answers those too. Where neither does, a workflow's own
        token is assumed, until the first comment that we write says who we are.
        """
        if not self._login:
            for path, query in (("/user", None), (self._caller.graphql, {"query": "{ viewer { login } }"})):
                try:
                    self._login = _login_in(self._caller.call("POST" if query else "GET", path, query))
                except Refused as error:
                    if error.status == 401:
                        raise
                if self._login:
                    return self._login
            self._login = ACTIONS_LOGIN
        return self._login

    def issue(self, number: int) -> Issue:
        """The issue as it is now. Raises Missing where there is none."""
        data = self._caller.call("GET", self._path(f"/issues/{number:d}"))
        return issue_of(data if isinstance(data, dict) else {})

    def comments(self, number: int) -> list[Comment]:
        """All comments of an issue, the oldest first."""
        found: list[Comment] = []
        for page in range(1, _MOST_PAGES + 1):
            path = self._path(f"/issues/{number:d}/comments?per_page={_PAGE}&page={page}")
            data = self._caller.call("GET", path)
            items = data if isinstance(data, list) else []
            found += [comment_of(item) for item in items if isinstance(item, dict)]
            if len(items) < _PAGE:
                break
        return sorted(found, key=lambda comment: comment.id)

    def file(self, path: str) -> str | None:
        """The text of a file on the default branch; None where there is none or the token may not read it."""
        try:
            data = self._caller.call("GET", self._path(f"/contents/{quote(path)}"))
        except Refused as error:
            if error.status in (403, 404):
                return None
            raise
        content = data.get("content") if isinstance(data, dict) else None
        if not isinstance(content, str) or data.get("encoding") != "base64":
            return None
        try:
            return base64.b64decode(content).decode("utf-8", "replace")
        except ValueError:
            return None

    # What is changed.

    def create_comment(self, number: int, body: str) -> Comment:
        """Adds a comment. Raises Uncertain where it may have been added."""
        data = self._caller.call("POST", self._path(f"/issues/{number:d}/comments"), {"body": body}, repeatable=False)
        if not isinstance(data, dict) or not isinstance(data.get("id"), int):
            raise Uncertain("GitHub's answer to a new comment can't be read", place=self.repository)
        made = comment_of(data)
        self._login = made.author or self._login
        return made

    def update_comment(self, comment_id: int, body: str) -> None:
        """Replaces the text of a comment. Raises Missing where it is gone."""
        self._caller.call("PATCH", self._path(f"/issues/comments/{comment_id:d}"), {"body": body})

    def delete_comment(self, comment_id: int) -> None:
        """Deletes a comment; one that is gone already is no fault."""
        try:
            self._caller.call("DELETE", self._path(f"/issues/comments/{comment_id:d}"))
        except Missing:
            return

    def create_label(self, name: str, color: str, description: str) -> None:
        """Creates a label in the repository unless there is one of that name."""
        try:
            self._caller.call("GET", self._path(f"/labels/{quote(name, safe='')}"))
            return
        except Missing:
            pass
        try:
            data = {"name": name, "color": color, "description": description[:100]}
            self._caller.call("POST", self._path("/labels"), data)
        except Refused as error:
            if error.status != 422:  # another run was quicker
                raise

    def add_labels(self, number: int, names: list[str]) -> None:
        """Puts labels on an issue; those that are there stay."""
        self._caller.call("POST", self._path(f"/issues/{number:d}/labels"), {"labels": names})

    def remove_label(self, number: int, name: str) -> None:
        """Takes a label off an issue; one that is off already is no fault."""
        try:
            self._caller.call("DELETE", self._path(f"/issues/{number:d}/labels/{quote(name, safe='')}"))
        except Missing:
            return

    def pause(self, seconds: float) -> None:
        """Waits, within the budget, for a change to become visible or for a server to recover."""
        self._caller.pause(seconds)

    # How it is asked.

    def _path(self, rest: str) -> str:
        return f"/repos/{self.repository}{rest}"


def _login_in(data: Any) -> str:
    """The login in an answer of /user or of GraphQL."""
    while isinstance(data, dict):
        if isinstance(data.get("login"), str):
            return str(data["login"])
        data = data.get("data") or data.get("viewer")
    return ""


def connect(
    token: str, repository: str, *, api_url: str = API_URL, login: str = "", patience: Patience | None = None
) -> GitHub:
    """A client of one repository for a token (GITHUB_TOKEN of a workflow, or a personal one)."""
    try:
        from github import Auth
    except ImportError:
        raise not_installed() from None
    patience = patience or Patience()
    caller = Caller(requester_of(Auth.Token(token), api_url, patience), patience=patience)
    return GitHub(caller, repository, login=login)
