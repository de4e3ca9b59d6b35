"""What an error means for a job: again, and when; or the end, and what the user is told."""

from __future__ import annotations

import http.client
import random
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from slack_sdk.errors import SlackApiError, SlackClientError

from advisor.errors import AdvisorError
from bots.slack.work.errors import Again, SlackRefused
from bots.slack.work.hands import PASSING, UNCLEAR
from bots.slack.work.queue import Job

DEADLINE_S = 25 * 60.0
"""A response_url lives for 30 minutes; a note about giving up must still get through."""
MOST_TAKEOVERS = 3
"""A job whose workers died so often is what kills them."""
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 120.0

NOTES = {
    "failed": {
        "en": "Sorry, I could not answer this: an error of mine, not of yours. It is logged under `{ref}`.",
        "zh": "抱歉,这次没能回答:是我这边的错误,不是你的问题。日志编号 `{ref}`。",
    },
    "late": {
        "en": "Sorry, this took too long: Slack could not be reached. Please ask again. (`{ref}`)",
        "zh": "抱歉,用时过长:无法连接 Slack。请重新提问。(`{ref}`)",
    },
}


class Verdict(Struct, frozen=True):
    """`after` seconds until the job is run again, or None: it has ended, and `note` is what the user reads (None: nothing)."""

    reason: str
    after: float | None = None
    note: str | None = None


def judged(error: BaseException, job: Job) -> Verdict:
    """What follows from an error that a handler raised."""
    if isinstance(error, SlackRefused):
        # The post itself was refused: there is no use in posting the refusal to the same place, but for content.
        return Verdict(reason=f"refused_{error.code}", note=note("failed", job))
    if isinstance(error, AdvisorError):
        return Verdict(reason="told", note=str(error))
    verdict = _again(error, job)
    if verdict is None:
        return Verdict(reason="error", note=note("failed", job)) if job.attempt > 1 else Verdict("error", after=1.0)
    if verdict.after is not None and job.age + verdict.after > DEADLINE_S:
        return Verdict(reason="late", note=note("late", job))
    return verdict


def _again(error: BaseException, job: Job) -> Verdict | None:
    if isinstance(error, Again):
        return Verdict(reason=error.reason, after=error.after if error.after is not None else backoff(job.attempt))
    if isinstance(error, SlackApiError):
        return _api(error, job)
    if isinstance(
        error, OSError | http.client.HTTPException | SlackClientError
    ):  # urllib's errors and timeouts are OSErrors
        return Verdict(reason="network", after=backoff(job.attempt))
    if isinstance(error, sa.exc.OperationalError | sa.exc.TimeoutError):
        return Verdict(reason="database", after=backoff(job.attempt))
    return None


def _api(error: SlackApiError, job: Job) -> Verdict:
    response: Any = error.response
    status = int(getattr(response, "status_code", 200) or 200)
    headers: Mapping[str, Any] = getattr(response, "headers", None) or {}
    data = response.data if isinstance(getattr(response, "data", None), dict) else {}
    code = str(data.get("error", "")) or f"status_{status}"
    if status == 429 or code in PASSING:
        lowered = {name.lower(): value for name, value in headers.items()}
        wait = lowered.get("retry-after", "30")
        wait = wait[0] if isinstance(wait, list) else wait
        try:
            return Verdict(reason="rate_limited", after=min(max(float(wait), 1.0), 600.0))
        except ValueError:
            return Verdict(reason="rate_limited", after=30.0)
    if status >= 500 or code in UNCLEAR:
        return Verdict(reason="server_error", after=backoff(job.attempt))
    return Verdict(reason=f"refused_{code}", note=note("failed", job))


def backoff(attempt: int) -> float:
    """Seconds before run number `attempt` + 1: doubling, with jitter so that a crowd does not come back at once."""
    return min(FIRST_WAIT_S * 2.0 ** max(attempt - 1, 0), LONGEST_WAIT_S) * random.uniform(0.75, 1.25)  # noqa: S311


def note(name: str, job: Job) -> str:
    """A note in the language of the request, in both where that is not known; `ref` finds the job in the log."""
    lang, ref = str(job.payload.get("lang") or ""), reference(job)
    chosen = [lang] if lang in {"en", "zh"} else ["en", "zh"]
    return "\n".join(NOTES[name][word].format(ref=ref) for word in chosen)


def reference(job: Job) -> str:
    """What names a job in logs and notes: says nothing about who asked what."""
    return f"job-{job.id}"
