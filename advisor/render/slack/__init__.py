"""The report as messages and views of Slack: plain dicts within Slack's limits; foreign text can't ping, link or format."""

from __future__ import annotations

from advisor.render.slack.answer import REPORT_NAME, Applied, Attachment, SlackMessage, attachment, render_slack
from advisor.render.slack.controls import Controls, case_of
from advisor.render.slack.memory import alt_text, picture
from advisor.render.slack.why import why_view

__all__ = [
    "REPORT_NAME", "Applied", "Attachment", "Controls", "SlackMessage", "alt_text", "attachment", "case_of", "picture", "render_slack",
    "why_view",
]  # fmt: skip
