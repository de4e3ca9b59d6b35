"""A question: its texts and files read, diagnosed, kept, answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from advisor.facts import FactValue, Lang
from advisor.language import language_of
from advisor.render.slack import SlackMessage
from bots.slack import store
from bots.slack.answers.cases import Answered, answered, named
from bots.slack.answers.deliver import add_files, send
from bots.slack.files import FileRefused, read_file
from bots.slack.incoming import MAX_FILES, MAX_FILES_TEXT, answered_mark, hidden, thread_text
from bots.slack.pages import help_page, sentence
from bots.slack.tools import Tools
from bots.slack.words import lang_of, say

_THREAD = 15  # messages: what Slack gives to apps outside of its directory


def diagnose(payload: Mapping[str, Any], tools: Tools) -> None:
    """Answers the payload of a command, a form, a shortcut, a mention or a direct message."""
    _answer(payload, tools, dict(payload.get("stated") or {}))


def estimate(payload: Mapping[str, Any], tools: Tools) -> None:
    """`/vram estimate`: what a described run would need, whether or not something failed."""
    _answer(payload, tools, {"failure_kind": "question", **(payload.get("stated") or {})})


def _answer(payload: Mapping[str, Any], tools: Tools, stated: dict[str, FactValue]) -> None:
    behind = payload.get("behind") or ()
    if behind and all(tools.store.marked(answered_mark(key)) for key in behind):
        return  # its files are answered in this thread already, and it says nothing else
    text, count, notes, found = gathered(payload, tools)
    lang: Lang = lang_of(str(payload.get("lang"))) if payload.get("lang") in ("en", "zh") else language_of(text)
    if not text.strip() and not stated:
        send(tools, payload, _nothing(payload, notes, lang))
        return
    result = kept_answer(payload, tools, text, stated, lang, count)
    empty = result.report.failure.kind == "none" and not result.report.facts and not result.report.remedies
    if empty and payload.get("asked") and not found:
        send(tools, payload, _nothing(payload, notes, lang))
        return
    tools.store.add_case(result.kept)
    private = payload.get("where") == "private"
    channel = str(payload.get("channel") or "")
    message = result.message(
        private=private, share=private and channel[:1] in ("C", "G"), attach=not private, notes=notes
    )

    def alone() -> SlackMessage:
        tools.store.change_case(result.kept.id, shared=False)
        return result.message(private=True, share=channel[:1] in ("C", "G"), notes=notes)

    ts = send(tools, payload, message, alone=alone)
    if ts and channel:
        tools.store.change_case(result.kept.id, message_ts=ts)
        add_files(tools, payload, result.report, message.files, channel, str(payload.get("thread_ts") or "") or ts)


def _nothing(payload: Mapping[str, Any], notes: list[str], lang: Lang) -> SlackMessage:
    """Why nothing could be read, else how to ask: in direct messages, where people say hello, all of it."""
    if notes:
        return sentence(" ".join(notes))
    return help_page(lang) if payload.get("where") == "direct" else sentence(say("nothing", lang))


def kept_answer(
    payload: Mapping[str, Any], tools: Tools, text: str, stated: dict[str, FactValue], lang: Lang, count: int
) -> Answered:
    """The answer, with the question as it is to be kept. Where no card is named, the workspace's own is taken."""
    public = payload.get("where") == "thread"
    kept = store.Case(
        id=tools.token,
        team=str(payload["team"]),
        user=str(payload["user"]),
        channel=str(payload.get("channel") or ""),
        thread_ts=str(payload.get("thread_ts") or ""),
        text=text,
        lang=lang,
        stated=stated,
        shared=public,  # what was asked in a thread stands in the channel already
    )
    result = answered(kept, tools.library, hidden=count)
    card = str(payload.get("gpu") or "")
    if card and result.case.capacity_gib is None and "gpu_name" not in result.case.facts:
        kept = replace(kept, stated={**stated, "gpu_name": card})
        result = answered(kept, tools.library, hidden=count)
    return replace(result, kept=replace(kept, **named(result.case)))


def gathered(payload: Mapping[str, Any], tools: Tools) -> tuple[str, int, list[str], bool]:
    """Text of the request, its thread and its files with secrets hidden; how many were; notes; whether a file was read."""
    emails = bool(payload.get("emails"))
    texts, count = [str(payload.get("text") or "")], int(payload.get("hidden") or 0)
    files = list(payload.get("files") or ())
    lang = lang_of(str(payload.get("lang")) if payload.get("lang") != "auto" else language_of(texts[0]))
    if payload.get("in_thread"):
        above, more = _thread(payload, tools)
        for each in above:
            safe, secrets = hidden(each, tools.library, emails=emails)
            texts.append(safe)
            count += secrets
        files += [file for file in more if file.get("id") not in {each.get("id") for each in files}]
    notes: list[str] = []
    found = False
    client = tools.client(str(payload["team"]), str(payload.get("enterprise") or "")) if files else None
    for file in files[:MAX_FILES]:
        try:
            text = read_file(file, str(client.token if client else ""), lang, tools.files_hosts)
        except FileRefused as error:
            notes.append(error.message)
            continue
        room = MAX_FILES_TEXT // min(len(files), MAX_FILES)
        safe, secrets = hidden(text, tools.library, emails=emails, limit=room)
        texts.append(safe)
        count += secrets
        found = True
    return "\n\n".join(text for text in texts if text.strip()), count, notes, found


def _thread(payload: Mapping[str, Any], tools: Tools) -> tuple[list[str], list[dict[str, Any]]]:
    """What stands above a mention. Without the permission, or at the rate limit (one call a minute), the mention itself must do."""
    from slack_sdk.errors import SlackClientError

    client = tools.client(str(payload["team"]), str(payload.get("enterprise") or ""))
    try:
        answer = client.conversations_replies(
            channel=str(payload["channel"]), ts=str(payload["thread_ts"]), limit=_THREAD
        )
    except (SlackClientError, OSError):
        return [], []
    messages = [each for each in answer.get("messages") or () if each.get("ts") != payload.get("message_ts")]
    return thread_text(messages)
