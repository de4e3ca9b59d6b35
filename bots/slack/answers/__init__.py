"""The work behind every request: plain functions of a payload and the tools; all judgement is the engine's."""

from __future__ import annotations

from bots.slack.answers.diagnose import diagnose, estimate
from bots.slack.answers.fit import fit
from bots.slack.answers.forget import forget, forget_team
from bots.slack.answers.press import press
from bots.slack.answers.settings import save
from bots.slack.answers.upload import seen, upload
from bots.slack.answers.why import why
from bots.slack.tools import Handler

HANDLERS: dict[str, Handler] = {
    "diagnose": diagnose,
    "estimate": estimate,
    "fit": fit,
    "file": upload,
    "seen": seen,
    "press": press,
    "why": why,
    "settings": save,
    "forget": forget,
    "forget_team": forget_team,
}
"""Kind of a request to its handler."""
