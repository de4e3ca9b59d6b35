"""Requests as Slack signs them, with slack_sdk's own signer."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlencode

from slack_sdk.signature import SignatureVerifier

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


def signed(body: str, *, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    """The headers for a body; `at` is the time of signing in seconds since 1970."""
    stamp = str(int(time.time() if at is None else at))
    signature = SignatureVerifier(secret).generate_signature(timestamp=stamp, body=body)
    assert signature is not None
    return {
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": signature,
        "Content-Type": "application/x-www-form-urlencoded",
    }


def command(text: str, *, trigger: str, response_url: str = "", **more: Any) -> str:
    """The body of `/vram TEXT`."""
    return urlencode(
        {
            "token": "x", "team_id": "T1", "team_domain": "team", "channel_id": "C1", "channel_name": "general",
            "user_id": "U1", "user_name": "someone", "command": "/vram", "text": text, "api_app_id": "A1",
            "response_url": response_url, "trigger_id": trigger, "is_enterprise_install": "false",
        } | more
    )  # fmt: skip
