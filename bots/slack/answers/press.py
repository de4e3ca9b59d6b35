"""What was pressed under an answer: each press is checked for who may, then the message is renewed in place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from bots.slack import store
from bots.slack.answers.cases import Answered, answered
from bots.slack.answers.deliver import add_files, not_there, post, renew, tell, upload_text, whole_report
from bots.slack.pages import sentence
from bots.slack.tools import Tools
from bots.slack.words import lang_of, say
from bots.slack.work.errors import SlackRefused

_OWNERS = frozenset({"tried", "facts", "share"})
"""What changes the question itself, or who sees it."""


def opened(payload: Mapping[str, Any], tools: Tools) -> store.Case | None:
    """The case of a press, if that person may open it: its owner, or anybody of the workspace once it was shared.

    Everybody else is told why not.
    """
    kept = tools.store.case(str(payload["case"]))
    lang = lang_of(tools.store.settings(str(payload["team"])).lang)
    if kept is None:
        tell(tools, payload, say("gone", lang))
        return None
    own = kept.user == payload["user"]
    if kept.team != payload["team"] or not (own or kept.shared):
        tell(tools, payload, say("not_yours", lang))
        return None
    if not own and payload.get("what") in _OWNERS:
        tell(tools, payload, say("owner_only", lang_of(kept.lang)))
        return None
    return kept


def press(payload: Mapping[str, Any], tools: Tools) -> None:
    """Does what was pressed: `what` is apply, tried, facts, worked, did_not, share or report."""
    kept = opened(payload, tools)
    if kept is None:
        return
    what, values = str(payload["what"]), [str(each) for each in payload.get("values") or ()]
    known = tools.library.remedies
    if what == "apply":
        kept = _changed(tools, kept, applied=[each for each in values if each in known])
    elif what == "tried":
        if not kept.applied:
            tell(tools, payload, say("tick_first", lang_of(kept.lang)))
            return
        kept = _tried(tools, payload, kept, list(kept.applied))
    elif what == "facts":
        kept = _changed(tools, kept, stated={**kept.stated, **(payload.get("stated") or {})})
    result = answered(kept, tools.library)
    feedback = ""
    if what in ("worked", "did_not"):
        result, feedback = _judged(tools, payload, result, what)
    elif what == "share":
        result = _share(tools, payload, result)
    elif what == "report":
        _report(tools, payload, result)
        return
    private = bool(payload.get("ephemeral"))
    share = private and not result.kept.shared and str(payload.get("channel") or "")[:1] in ("C", "G")
    renew(tools, payload, result.message(private=private, share=share, feedback=feedback))


def _changed(tools: Tools, kept: store.Case, **fields: Any) -> store.Case:
    tools.store.change_case(kept.id, **fields)
    return replace(kept, **fields)


def _tried(tools: Tools, payload: Mapping[str, Any], kept: store.Case, remedies: list[str]) -> store.Case:
    """The ticked remedies were tried: they are advised no more."""
    tools.store.add_feedback(kept.id, kept.team, str(payload["user"]), "tried", remedies)
    tried = list(dict.fromkeys([*kept.tried, *remedies]))
    return _changed(tools, kept, tried=tried, applied=[each for each in kept.applied if each not in remedies])


def _judged(tools: Tools, payload: Mapping[str, Any], result: Answered, what: str) -> tuple[Answered, str]:
    """Keeps whether it helped: the ticked boxes, else the plan, else the first remedy. After a no, the next advice."""
    if not tools.once(what):  # a second run would blame the advice that the first one gave
        return result, what
    kept, report = result.kept, result.report
    plan = report.plan.steps if report.plan else ()
    remedies = list(kept.applied or plan or [remedy.id for remedy in report.remedies[:1]])
    answer: store.Answer = "worked" if what == "worked" else "did_not"
    tools.store.add_feedback(kept.id, kept.team, str(payload["user"]), answer, remedies)
    if what == "did_not" and kept.user == payload["user"] and remedies:
        tried = list(dict.fromkeys([*kept.tried, *remedies]))
        result = answered(_changed(tools, kept, tried=tried, applied=[]), tools.library)
    return result, what


def _share(tools: Tools, payload: Mapping[str, Any], result: Answered) -> Answered:
    """Posts the answer for everybody in the channel where it was asked."""
    channel = str(payload.get("channel") or result.kept.channel)
    message = result.message(attach=True)
    target: dict[str, Any] = {"channel": channel}
    if payload.get("thread_ts"):
        target["thread_ts"] = payload["thread_ts"]
    ts = ""
    try:
        ts = post(tools, payload, target, message, "share")
    except SlackRefused as error:
        url = str(payload.get("response_url") or "")
        if not not_there(error) or not url:
            raise
        # The bot is no member; what the person's own press may post needs no membership.
        body = message.body() | {"response_type": "in_channel", "replace_original": False}
        tools.respond(url, body, "share-response")
    kept = _changed(tools, result.kept, shared=True)
    if ts:
        tools.store.change_case(kept.id, channel=channel, message_ts=ts)
        add_files(tools, payload, result.report, message.files, channel, str(payload.get("thread_ts") or "") or ts)
    return replace(result, kept=kept)


def _report(tools: Tools, payload: Mapping[str, Any], result: Answered) -> None:
    """The whole report as a file in the person's direct messages."""
    lang = result.report.lang
    client = tools.client(str(payload["team"]), str(payload.get("enterprise") or ""))
    channel: Mapping[str, Any] = client.conversations_open(users=str(payload["user"])).get("channel") or {}
    direct = str(channel.get("id") or payload["user"])
    ts = post(tools, payload, {"channel": direct}, sentence(say("report_for", lang)), "report")
    if tools.once("report-file"):
        upload_text(client, whole_report(result.report), direct, ts)
    if str(payload.get("channel") or "") != direct:
        tell(tools, payload, say("report_sent", lang))
