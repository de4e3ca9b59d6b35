"""What can go wrong with GitHub: its limits, its refusals, and requests of which nobody knows whether they were carried out."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.errors import AdvisorError, Fault


class GitHubError(AdvisorError):
    """GitHub can't be asked, or refuses."""


class Busy(GitHubError):
    """A rate limit or an outage that lasts longer than the patience allows; `retry_after` seconds from now it may work."""

    def __init__(self, message: str, *, retry_after: float = 60.0, place: str = "") -> None:
        super().__init__(message, place=place, hint=f"Run it again in {max(1, round(retry_after))} seconds.")
        self.retry_after = retry_after


class Refused(GitHubError):
    """GitHub understood the request and refuses it; `status` is the HTTP status."""

    def __init__(self, status: int, message: str, *, place: str = "", hint: str = "") -> None:
        super().__init__(message, place=place, hint=hint)
        self.status = status


class Missing(Refused):
    """What was asked for does not exist, or the token may not see it."""


class Uncertain(GitHubError):
    """The connection broke or the server failed while something was being created: it may or may not exist now."""


class ConfigError(GitHubError):
    """The settings file has faults; all of them are listed, each with its line."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(
            "\n".join(str(fault) for fault in self.faults), hint="Nothing is posted until the file is put right."
        )
