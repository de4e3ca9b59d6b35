"""One repository's issues through GitHub's REST API: few calls, each with a bounded number of retries and bounded waits.

A request that changes nothing when it is sent twice (GET, PATCH, PUT, DELETE) is sent again after a timeout, a broken connection or a 5xx.
A POST that creates something is not: `Uncertain` says that nobody knows whether it was carried out, and the caller looks.
"""

from __future__ import annotations

import base64
import random
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from msgspec import Struct

from advisor.errors import InputError
from bots.github.errors import Busy, GitHubError, Missing, Refused, Uncertain
from bots.github.event import REPOSITORY, Comment, Issue, comment_of, issue_of

if TYPE_CHECKING:
    from github.Requester import Requester

API_URL = "https://api.github.com"
# Who a workflow's GITHUB_TOKEN is: it may not ask /user for itself.
ACTIONS_LOGIN = "github-actions[bot]"
_PAGE = 100
_MOST_PAGES = 30


class Patience(Struct, frozen=True):
    """How long a rate limit or an outage is waited for, in seconds.

    Attributes:
        attempts: how often one request is sent at most.
        first_wait: after the first failure; doubled each time, with a random part so that several runs don't knock together.
        longest_wait: of one wait; a limit that lasts longer ends in `Busy`.
        budget: of all waits of one client together.
        timeout: until an answer must begin.
    """

    attempts: int = 5
    first_wait: float = 1.0
    longest_wait: float = 90.0
    budget: float = 240.0
    timeout: int = 20


class GitHub:
    """The issues of one repository. Not for several threads at once: each takes its own."""

    def __init__(
        self,
        requester: Requester,
        repository: str,
        *,
        login: str = "",
        patience: Patience | None = None,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`login` is who we are, where it is known; see `who_am_i`."""
        if not REPOSITORY.match(repository):
            raise InputError(f"{repository[:80]!r} is no repository", hint="Write it as owner/name.")
        self.repository = repository
        self._requester = requester
        self._login = login
        self.patience = patience or Patience()
        self._sleep = sleep
        self._clock = clock
        self._waited = 0.0

    # What is there.

    def who_am_i(self) -> str:
        """Our own login: only comments by it are ever changed."""
        if not self._login:
            try:
                data = self._call("GET", "/user")
                self._login = str(data.get("login") or "") if isinstance(data, dict) else ""
            except Refused as error:
                if error.status == 401:
                    raise
            self._login = self._login or ACTIONS_LOGIN
        return self._login

    def issue(self, number: int) -> Issue:
        """The issue as it is now. Raises Missing where there is none."""
        data = self._call("GET", self._path(f"/issues/{number:d}"))
        return issue_of(data if isinstance(data, dict) else {})

    def comments(self, number: int) -> list[Comment]:
        """All comments of an issue, the oldest first."""
        found: list[Comment] = []
        for page in range(1, _MOST_PAGES + 1):
            path = self._path(f"/issues/{number:d}/comments?per_page={_PAGE}&page={page}")
            data = self._call("GET", path)
            items = data if isinstance(data, list) else []
            found += [comment_of(item) for item in items if isinstance(item, dict)]
            if len(items) < _PAGE:
                break
        return sorted(found, key=lambda comment: comment.id)

    def file(self, path: str) -> str | None:
        """The text of a file on the default branch; None where there is none or the token may not read it."""
        try:
            data = self._call("GET", self._path(f"/contents/{quote(path)}"))
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
        data = self._call("POST", self._path(f"/issues/{number:d}/comments"), {"body": body}, repeatable=False)
        if not isinstance(data, dict) or not isinstance(data.get("id"), int):
            raise Uncertain("GitHub's answer to a new comment can't be read", place=self.repository)
        return comment_of(data)

    def update_comment(self, comment_id: int, body: str) -> None:
        """Replaces the text of a comment. Raises Missing where it is gone."""
        self._call("PATCH", self._path(f"/issues/comments/{comment_id:d}"), {"body": body})

    def delete_comment(self, comment_id: int) -> None:
        """Deletes a comment; one that is gone already is no fault."""
        try:
            self._call("DELETE", self._path(f"/issues/comments/{comment_id:d}"))
        except Missing:
            return

    def create_label(self, name: str, color: str, description: str) -> None:
        """Creates a label in the repository unless there is one of that name."""
        try:
            self._call("GET", self._path(f"/labels/{quote(name, safe='')}"))
            return
        except Missing:
            pass
        try:
            data = {"name": name, "color": color, "description": description[:100]}
            self._call("POST", self._path("/labels"), data)
        except Refused as error:
            if error.status != 422:  # another run was quicker
                raise

    def add_labels(self, number: int, names: list[str]) -> None:
        """Puts labels on an issue; those that are there stay."""
        self._call("POST", self._path(f"/issues/{number:d}/labels"), {"labels": names})

    def remove_label(self, number: int, name: str) -> None:
        """Takes a label off an issue; one that is off already is no fault."""
        try:
            self._call("DELETE", self._path(f"/issues/{number:d}/labels/{quote(name, safe='')}"))
        except Missing:
            return

    def pause(self, seconds: float) -> None:
        """Waits, within the budget, for a change to become visible or for a server to recover."""
        self._sleep(seconds)
        self._waited += seconds

    # How it is asked.

    def _path(self, rest: str) -> str:
        return f"/repos/{self.repository}{rest}"

    def _call(self, verb: str, path: str, data: Mapping[str, Any] | None = None, *, repeatable: bool = True) -> Any:
        from github import GithubException
        from requests.exceptions import RequestException

        wait = self.patience.first_wait
        problem = "no answer"
        for attempt in range(1, self.patience.attempts + 1):
            headers: Mapping[str, Any] = {}
            try:
                return self._requester.requestJsonAndCheck(verb, path, input=data)[1]
            except GithubException as error:
                headers = {str(name).lower(): value for name, value in (error.headers or {}).items()}
                if not _is_limit(error.status, headers, error):
                    if error.status < 500:
                        raise _refusal(error, verb, path) from None
                    if not repeatable:
                        raise Uncertain(f"{verb} {path}: HTTP {error.status}") from None
                problem = f"HTTP {error.status}"
            except RequestException as error:
                if not repeatable:
                    raise Uncertain(f"{verb} {path}: {type(error).__name__}") from None
                problem = type(error).__name__
            if attempt == self.patience.attempts:
                break
            asked = _asked_wait(headers, self._clock())
            delay = wait * random.uniform(0.75, 1.25) if asked is None else asked + random.uniform(0, 1)  # noqa: S311 - no secret
            self._wait(delay, f"{verb} {path}: {problem}")
            wait = min(wait * 2, self.patience.longest_wait)
        raise Busy(f"GitHub does not answer ({problem})", place=f"{verb} {path}", retry_after=wait)

    def _wait(self, seconds: float, place: str) -> None:
        if seconds > self.patience.longest_wait or self._waited + seconds > self.patience.budget:
            raise Busy("GitHub's rate limit is used up or it is out of service", place=place, retry_after=seconds)
        self.pause(seconds)


def _is_limit(status: int, headers: Mapping[str, Any], error: Exception) -> bool:
    """Whether a 403 or 429 is a primary or secondary rate limit: the request was not carried out and may be sent again."""
    if status == 429:
        return True
    if status != 403:
        return False
    if "retry-after" in headers or str(headers.get("x-ratelimit-remaining", "")) == "0":
        return True
    return "rate limit" in str(getattr(error, "data", "")).lower()


def _asked_wait(headers: Mapping[str, Any], now: float) -> float | None:
    """The seconds that GitHub asks to wait, or None where it names none.

    https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
    """
    try:
        if "retry-after" in headers:
            return max(0.0, float(headers["retry-after"]))
        if str(headers.get("x-ratelimit-remaining", "")) == "0":
            return max(0.0, float(headers["x-ratelimit-reset"]) - now)
    except (KeyError, ValueError):
        return None
    return None


def _refusal(error: Any, verb: str, path: str) -> GitHubError:
    data = error.data if isinstance(error.data, dict) else {}
    message = " ".join(str(data.get("message") or error.message or "refused").split())[:200]
    place, status = f"{verb} {path}", int(error.status)
    if status in (404, 410):
        return Missing(status, message, place=place)
    hints = {
        401: "The token is wrong or has expired.",
        403: "The token needs the permission issues: write.",
    }
    return Refused(status, f"{message} (HTTP {status})", place=place, hint=hints.get(status, ""))


def connect(
    token: str, repository: str, *, api_url: str = API_URL, login: str = "", patience: Patience | None = None
) -> GitHub:
    """A client of one repository for a token (GITHUB_TOKEN of a workflow, or a personal one)."""
    try:
        from github import Auth
    except ImportError:
        raise not_installed() from None
    patience = patience or Patience()
    return GitHub(requester_of(Auth.Token(token), api_url, patience), repository, login=login, patience=patience)


def not_installed() -> GitHubError:
    """What to say where the libraries of this door are absent."""
    return GitHubError("PyGithub is not installed", hint="pip install 'vram-advisor[github]'")


def requester_of(auth: Any, api_url: str, patience: Patience) -> Requester:
    """PyGithub's requester with its own retries and pauses switched off: they are decided here, where it is known what may be repeated."""
    from github import Github

    client = Github(
        auth=auth, base_url=api_url.rstrip("/"), timeout=patience.timeout, user_agent="vram-advisor", retry=0,
        seconds_between_requests=None, seconds_between_writes=None,
    )  # fmt: skip
    return client.requester
