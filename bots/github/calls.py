"""Requests to GitHub's REST API: a bounded number of retries, bounded waits, and the errors that follow.

A request that changes nothing when it is sent twice (GET, PATCH, PUT, DELETE) is sent again after a timeout, a broken connection or a 5xx.
A POST that creates something is not: `Uncertain` says that nobody knows whether it was carried out, and the caller looks.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from bots.github.errors import Busy, GitHubError, Missing, Refused, Uncertain

if TYPE_CHECKING:
    from github.Requester import Requester

API_URL = "https://api.github.com"


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


class Caller:
    """Sends requests for one token. Not for several threads at once: each takes its own."""

    def __init__(
        self,
        requester: Requester,
        *,
        patience: Patience | None = None,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._requester = requester
        self.patience = patience or Patience()
        self._sleep = sleep
        self._clock = clock
        self._waited = 0.0

    @property
    def graphql(self) -> str:
        """The address of the GraphQL API, which is not below the REST API's on every server."""
        return str(self._requester.graphql_url)

    def pause(self, seconds: float) -> None:
        """Waits; what is waited counts against the budget."""
        self._sleep(seconds)
        self._waited += seconds

    def call(self, verb: str, path: str, data: Mapping[str, Any] | None = None, *, repeatable: bool = True) -> Any:
        """The parsed answer to a request.

        Raises:
            Busy: a limit or an outage that outlasts the patience.
            Missing: HTTP 404 or 410.
            Refused: any other HTTP 4xx.
            Uncertain: a request that is not repeatable may or may not have been carried out.
        """
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
