"""How a job can end otherwise than answered.

Exception
├── Again             not now: run the job again after `after` seconds
├── LeaseLost         the job belongs to another worker by now: stop at once, touch nothing
└── AdvisorError
    └── SlackRefused  Slack will never take this: `code` is its error word
"""

from __future__ import annotations

from advisor.errors import AdvisorError


class Again(Exception):
    """Slack can't take it now.

    Args:
        reason: one word for the log and the metrics: rate_limited, server_error, network, timeout.
        after: seconds that Slack asks to wait; None: the queue decides.
    """

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after


class LeaseLost(Exception):
    """Another worker has taken the job over, or its owner had it forgotten."""


class SlackRefused(AdvisorError):
    """Slack refuses this for good: an expired response_url, invalid blocks, a channel that the bot is not in."""

    def __init__(self, code: str, method: str) -> None:
        super().__init__(f"Slack refused {method}: {code}")
        self.code = code
        self.method = method
