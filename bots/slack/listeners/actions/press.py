"""Boxes and buttons whose work is queued: estimate again, tried, it worked, it did not, share, full report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from advisor.render.slack import case_of
from advisor.render.slack.controls import APPLY, DID_NOT, REPORT, SHARE, TRIED, WORKED
from bots.slack.incoming import origin
from bots.slack.needs import Needs

if TYPE_CHECKING:
    from slack_bolt import Ack, App

_ONCE = (SHARE,)  # pressed twice, done once
_WORDS = {APPLY: "apply", TRIED: "tried", WORKED: "worked", DID_NOT: "did_not", SHARE: "share", REPORT: "report"}


def register(app: App, needs: Needs) -> None:
    def pressed(ack: Ack, body: dict[str, Any], action: dict[str, Any]) -> None:
        press(ack, body, action, needs)

    for action_id in _WORDS:
        app.action(action_id)(pressed)


def press(ack: Ack, body: Mapping[str, Any], action: Mapping[str, Any], needs: Needs) -> None:
    """Queues what a press asks for. A second press of one button within its message is the same press only where it must be."""
    case = case_of(str(action.get("block_id") or ""))
    name = str(action.get("action_id") or "")
    if case and name in _WORDS:
        key = f"{name}:{case}" if name in _ONCE else str(body.get("trigger_id") or "")
        payload = {**origin(body), **place_of(body), "case": case, "what": _WORDS[name], "values": values_of(action)}
        needs.enqueue("press", key, payload)
    ack()


def place_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """Where the message is that was pressed, and how it can be renewed."""
    container: Mapping[str, Any] = body.get("container") or {}
    message: Mapping[str, Any] = body.get("message") or {}
    channel: Mapping[str, Any] = body.get("channel") or {}
    return {
        "channel": str(container.get("channel_id") or channel.get("id") or ""),
        "message_ts": str(container.get("message_ts") or message.get("ts") or ""),
        "thread_ts": str(container.get("thread_ts") or message.get("thread_ts") or ""),
        "ephemeral": bool(container.get("is_ephemeral")),
        "response_url": str(body.get("response_url") or ""),
    }


def values_of(action: Mapping[str, Any]) -> list[str]:
    """What is chosen: ticked boxes, the option of a list, nothing for a button."""
    if action.get("type") == "checkboxes":
        return [str(each.get("value") or "") for each in action.get("selected_options") or ()]
    option: Mapping[str, Any] = action.get("selected_option") or {}
    return [str(option["value"])] if "value" in option else []
