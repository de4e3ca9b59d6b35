"""An uploaded file: answered in its thread if it shows that GPU memory ran out, else nothing is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from advisor.language import language_of
from advisor.render.slack import REPORT_NAME
from bots.slack.answers.deliver import add_files, send
from bots.slack.answers.diagnose import kept_answer
from bots.slack.files import FileRefused, read_file
from bots.slack.incoming import MARKED_S, MAX_FILES_TEXT, answered_mark, asked_mark, file_key, hidden
from bots.slack.tools import Tools
from bots.slack.words import lang_of
from bots.slack.work.errors import Again

KINDS = frozenset({"vram_oom", "kv_cache"})
MIN_CONFIDENCE = 0.8
PAUSE_S = 1.5
"""Slack delivers a mention and the `file_shared` of its file side by side, in either order: the mention may come first."""


def seen(payload: Mapping[str, Any], tools: Tools) -> None:
    """A file that came with a mention: the mention's answer reads it."""


def upload(payload: Mapping[str, Any], tools: Tools) -> None:
    """Reads the file quietly."""
    from slack_sdk.errors import SlackApiError

    key = file_key(str(payload["file"]), str(payload["channel"]))
    if tools.once("pause"):
        raise Again("pause", PAUSE_S)
    if _asked(tools, key):
        return
    client = tools.client(str(payload["team"]), str(payload.get("enterprise") or ""))
    try:
        file: Mapping[str, Any] = client.files_info(file=str(payload["file"])).get("file") or {}
    except SlackApiError as error:
        if error.response.status_code == 429 or error.response.status_code >= 500:
            raise
        return  # deleted meanwhile, or not to be read: nobody asked, so nothing is said
    if (payload.get("own") and file.get("user") == payload["own"]) or file.get("name") == REPORT_NAME:
        return
    try:
        text = read_file(file, str(client.token or ""), "en", tools.files_hosts)
    except FileRefused:
        return
    safe, count = hidden(text, tools.library, emails=bool(payload.get("emails")), limit=MAX_FILES_TEXT)
    lang = lang_of(str(payload["lang"])) if payload.get("lang") in ("en", "zh") else language_of(safe)
    channel = str(payload["channel"])
    place = {**payload, "thread_ts": _thread_of(file, channel), "where": "thread"}
    result = kept_answer(place, tools, safe, {}, lang, count)
    failure = result.report.failure
    if failure.kind not in KINDS or failure.confidence < MIN_CONFIDENCE:
        return
    if _asked(tools, key):
        return
    tools.store.once(answered_mark(key), MARKED_S)
    tools.store.add_case(result.kept)
    message = result.message(attach=True)
    ts = send(tools, place, message)
    if ts:
        tools.store.change_case(result.kept.id, message_ts=ts)
        add_files(tools, place, result.report, message.files, channel, str(place["thread_ts"]) or ts)


def _asked(tools: Tools, key: str) -> bool:
    """Whether a mention answers for the file; not where this job has begun to answer, so that one of the two always does."""
    return tools.store.marked(asked_mark(key)) and not tools.store.marked(answered_mark(key))


def _thread_of(file: Mapping[str, Any], channel: str) -> str:
    """The message that the file was shared with; empty where Slack does not say."""
    shares: Mapping[str, Any] = file.get("shares") or {}
    for kind in ("public", "private"):
        for share in (shares.get(kind) or {}).get(channel) or ():
            return str(share.get("thread_ts") or share.get("ts") or "")
    return ""
