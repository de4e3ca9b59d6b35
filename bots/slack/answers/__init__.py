"""The work behind every request: plain functions of a payload and the tools; all judgement is the engine's."""

from __future__ import annotations

from bots.slack.answers import diagnose, fit, forget, press, settings, upload, why
from bots.slack.tools import Handler

HANDLERS: dict[str, Handler] = {
    "diagnose": diagnose.diagnose,
    "estimate": diagnose.estimate,
    "fit": fit.fit,
    "file": upload.upload,
    "seen": upload.seen,
    "press": press.press,
    "why": why.why,
    "settings": settings.save,
    "forget": forget.forget,
}
"""Kind of a request to its handler."""
