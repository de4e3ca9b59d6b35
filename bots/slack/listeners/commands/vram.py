"""`/vram`: a form alone, an answer with a text, and the words help, gpus, fit, estimate, settings, forget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from advisor.facts import Lang
from advisor.language import language_of
from advisor.render.slack import SlackMessage
from bots.slack.forms import forget_form, question_form, settings_form
from bots.slack.incoming import origin, plain_text, request
from bots.slack.needs import Needs, QueueFull
from bots.slack.pages import gpus_page, help_page, sentence
from bots.slack.words import lang_of, say

if TYPE_CHECKING:
    from slack_bolt import Ack, App
    from slack_sdk import WebClient

COMMAND = "/vram"
_HELP = ("help", "帮助", "?", "-h", "--help")
_CHINESE = {
    "帮助": "help",
    "显卡列表": "gpus",
    "最大值": "fit",
    "估计": "estimate",
    "设置": "settings",
    "删除我的数据": "forget",
    "删除工作区数据": "forget_team",
}
_WHOLE = ("workspace", "team", "all", "everything", "工作区", "全部")
_JOBS = ("fit", "estimate")


def register(app: App, needs: Needs) -> None:
    @app.command(COMMAND)
    def command(ack: Ack, command: dict[str, Any], client: WebClient) -> None:
        vram(ack, command, client, needs)


def vram(ack: Ack, command: Mapping[str, Any], client: WebClient, needs: Needs) -> None:
    """One `/vram`. What needs no work is answered with the acknowledgement."""
    text = plain_text(str(command.get("text") or "")).strip()
    first, _, rest = text.partition(" ")
    word = _CHINESE.get(first, first.lower())
    own: Lang = (
        "zh" if first in _CHINESE else language_of(text[:1500])
    )  # of the reply at once; the answer reads all of it
    if word == "forget" and rest.strip().lower() in _WHOLE:
        word, rest = "forget_team", ""
    who = origin(command)
    lang = _lang(needs, who["team"], own)
    if not text:
        place = {
            "channel": str(command.get("channel_id") or ""),
            "response_url": str(command.get("response_url") or ""),
        }
        client.views_open(trigger_id=command["trigger_id"], view=question_form(lang, place))
        ack()
    elif first.lower() in _HELP:
        ack(**_only_you(help_page("zh" if rest.strip().lower() in ("zh", "中文") else lang)))
    elif word == "gpus":
        ack(**_only_you(gpus_page(rest.split()[:8], needs.library, lang)))
    elif word == "settings" and not rest.strip():
        client.views_open(trigger_id=command["trigger_id"], view=settings_form(lang, needs.store.settings(who["team"])))
        ack()
    elif word == "forget_team" and not rest.strip():
        url = str(command.get("response_url") or "")
        client.views_open(trigger_id=command["trigger_id"], view=forget_form(lang, url))
        ack()
    else:
        kind = word if word in _JOBS and rest.strip() else "diagnose"
        if word == "forget" and not rest.strip():
            kind = "forget"
        place = {
            "channel": str(command.get("channel_id") or ""),
            "response_url": str(command.get("response_url") or ""),
            "where": "private",
        }
        payload = request(needs, [rest if kind in _JOBS else text], **who, **place)
        if kind == "forget":
            payload |= {"text": "", "lang": lang}
        try:
            needs.enqueue(kind, str(command["trigger_id"]), payload)
        except QueueFull:
            ack(**_only_you(sentence(say("busy", lang))))
        else:
            ack()


def _lang(needs: Needs, team: str, own: Lang) -> Lang:
    chosen = needs.store.settings(team).lang
    return own if chosen == "auto" else lang_of(chosen)


def _only_you(message: SlackMessage) -> dict[str, Any]:
    body = message.body()
    return {
        "response_type": "ephemeral",
        "text": body["text"],
        "blocks": body["blocks"],
        "unfurl_links": False,
        "unfurl_media": False,
    }
