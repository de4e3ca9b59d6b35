"""Where an answer goes: only to the person, into a thread, into direct messages; and the files that go with it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from advisor.facts import Lang
from advisor.render.slack import Attachment, SlackMessage, alt_text, attachment, picture
from advisor.render.slack.words import w
from advisor.report import Diagnosis
from bots.slack.pages import sentence
from bots.slack.tools import Tools
from bots.slack.work.errors import SlackRefused

if TYPE_CHECKING:
    from slack_sdk import WebClient

log = logging.getLogger(__name__)
_ABSENT = frozenset(
    {"not_in_channel", "channel_not_found", "is_archived", "restricted_action", "access_denied", "thread_not_found"}
)
"""What Slack says where the bot may not post, although the person may ask there."""
_MALFORMED = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long"})


def not_there(error: SlackRefused) -> bool:
    """Whether Slack refused because the bot is no member there, or may not post."""
    return error.code in _ABSENT


def only_you(message: SlackMessage) -> dict[str, Any]:
    """The body that shows a message to one person through a response_url, beside what is there."""
    return message.body() | {"response_type": "ephemeral", "replace_original": False}


def send(
    tools: Tools,
    payload: Mapping[str, Any],
    message: SlackMessage,
    step: str = "answer",
    alone: Callable[[], SlackMessage] | None = None,
) -> str:
    """Posts an answer where the request wants it: `where` is private, thread or direct. Returns the ts of a real message.

    `alone` makes the message that only the person gets where the bot may not post; None: the same.

    Raises: as `Tools.post` and `Tools.respond`.
    """
    url = str(payload.get("response_url") or "")
    where = payload.get("where")
    if where == "private" and url:
        tools.respond(url, only_you(message), step, str(payload.get("lang") or "en"))
        return ""
    channel = str(payload.get("channel") or "") if where != "private" else ""
    target: dict[str, Any] = {"channel": channel or str(payload.get("user") or "")}
    if payload.get("thread_ts"):
        target["thread_ts"] = payload["thread_ts"]
    try:
        return post(tools, payload, target, message, step)
    except SlackRefused as error:
        if not not_there(error) or not url:
            raise
        message = alone() if alone is not None else message
        tools.respond(url, only_you(message), f"{step}-private", str(payload.get("lang") or "en"))
        return ""


def post(tools: Tools, payload: Mapping[str, Any], target: Mapping[str, Any], message: SlackMessage, step: str) -> str:
    """Posts a real message; where Slack refuses its blocks, their plain text instead."""
    team, enterprise = str(payload["team"]), str(payload.get("enterprise") or "")
    try:
        return tools.post(team, {**target, **message.body()}, step, enterprise=enterprise)
    except SlackRefused as error:
        if error.code not in _MALFORMED:
            raise
        log.warning("Slack refused blocks: %s", error.code)
        return tools.post(team, {**target, **sentence(message.text).body()}, f"{step}-plain", enterprise=enterprise)


def renew(tools: Tools, payload: Mapping[str, Any], message: SlackMessage) -> None:
    """Replaces the message that was pressed, in place."""
    body = message.body()
    url, ts, channel = (str(payload.get(key) or "") for key in ("response_url", "message_ts", "channel"))
    if payload.get("ephemeral") or not ts or not channel:
        if url:
            tools.respond(url, body | {"replace_original": True}, "renew")
        return
    from slack_sdk.errors import SlackApiError

    client = tools.client(str(payload["team"]), str(payload.get("enterprise") or ""))
    try:
        client.chat_update(channel=channel, ts=ts, text=body["text"], blocks=body["blocks"], parse="none")
    except SlackApiError as error:
        if error.response.get("error") not in {*_ABSENT, "cant_update_message", "message_not_found"} or not url:
            raise
        tools.respond(url, body | {"replace_original": True}, "renew")


def tell(tools: Tools, payload: Mapping[str, Any], text: str, step: str = "tell") -> None:
    """A sentence that only the person who pressed sees."""
    url = str(payload.get("response_url") or "")
    if url:
        tools.respond(url, only_you(sentence(text)), step)
    else:
        team, enterprise = str(payload["team"]), str(payload.get("enterprise") or "")
        tools.post(team, {"channel": payload["user"], **sentence(text).body()}, step, enterprise=enterprise)


def add_files(
    tools: Tools,
    payload: Mapping[str, Any],
    report: Diagnosis,
    files: tuple[Attachment, ...],
    channel: str,
    thread_ts: str,
) -> None:
    """The picture of the memory and what was too long, into the answer's thread. An answer without them is whole: failures are logged."""
    client = tools.client(str(payload["team"]), str(payload.get("enterprise") or ""))
    for file in files:
        if tools.once(f"file-{file.name}"):
            upload_text(client, file, channel, thread_ts)
    if report.estimate is not None and report.estimate.components and tools.once("picture"):
        data = png(report)
        if data:
            _upload(
                client,
                channel=channel,
                thread_ts=thread_ts or None,
                content=data,
                filename="vram.png",
                title=w("picture_title", report.lang),
                alt_txt=alt_text(report.estimate, report.lang),
            )


def upload_text(client: WebClient, file: Attachment, channel: str, thread_ts: str = "") -> None:
    _upload(
        client,
        channel=channel,
        thread_ts=thread_ts or None,
        content=file.content.encode(),
        filename=file.name,
        title=file.title,
        snippet_type="text",
    )


def _upload(client: WebClient, **arguments: Any) -> None:
    from slack_sdk.errors import SlackClientError

    try:
        client.files_upload_v2(**arguments)
    except (SlackClientError, OSError) as error:
        log.warning("a file could not be uploaded: %s", type(error).__name__)


def whole_report(report: Diagnosis) -> Attachment:
    """Everything as a text file."""
    return attachment(report)


def png(report: Diagnosis) -> bytes:
    """The picture of the memory; empty where cairosvg is missing."""
    if report.estimate is None:
        return b""
    try:
        from cairosvg import svg2png
    except (ImportError, OSError):  # OSError: the package is there, the library cairo is not
        return b""
    from advisor.render.plot import FONT

    lang: Lang = report.lang
    card = str(report.facts.get("gpu_name") or w("this_card", lang))
    # cairosvg takes one font and no other for what it lacks.
    font = "Noto Sans CJK SC" if lang == "zh" else "sans-serif"
    made: bytes = svg2png(bytestring=picture(report.estimate, card, lang).replace(FONT, font).encode(), scale=2.0)
    return made
