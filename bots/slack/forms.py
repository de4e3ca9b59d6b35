"""The modals: the question form, the missing facts, the workspace's settings and end, and the view that waits for reasons."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from advisor.errors import FactError
from advisor.facts import FactValue, Lang, check_fact, spec_of
from advisor.render.slack.blocks import Block, Element, option, plain, rich, section, span
from bots.slack.store import TeamSettings
from bots.slack.words import say

FORM, QUESTIONS, SETTINGS, FORGET = "vram_form", "vram_questions", "vram_settings", "vram_forget"
GPU, MODEL, FRAMEWORK = "vram_gpu", "vram_model", "vram_framework"
MAX_INPUT = 3000
_UNKNOWN = "-"


def _input(block: str, label: str, element: Element, *, hint: str = "", optional: bool = True) -> Block:
    made: Block = {
        "type": "input", "block_id": block, "label": plain(label, 2000), "element": element, "optional": optional,
    }  # fmt: skip
    return made | ({"hint": plain(hint, 2000)} if hint else {})


def _text(*, lines: bool = False, initial: str = "", placeholder: str = "") -> Element:
    made: Element = {"type": "plain_text_input", "action_id": "value", "multiline": lines, "max_length": MAX_INPUT}
    if initial:
        made["initial_value"] = initial[:MAX_INPUT]
    return made | ({"placeholder": plain(placeholder, 150)} if placeholder else {})


def _external(action: str, lang: Lang) -> Element:
    hint = plain(say("form.search", lang), 150)
    return {"type": "external_select", "action_id": action, "min_query_length": 1, "placeholder": hint}


def _choice(options: Sequence[Element], chosen: str) -> Element:
    initial = next((each for each in options if each["value"] == chosen), options[0])
    return {"type": "static_select", "action_id": "value", "options": list(options), "initial_option": initial}


def question_form(lang: Lang, origin: Mapping[str, str], *, text: str = "") -> dict[str, Any]:
    """The form behind `/vram` alone. `origin` comes back with what is filled in: the channel and the response_url of the command."""
    langs = [option(say(f"form.lang.{each}", lang), each) for each in ("auto", "en", "zh")]
    file: Element = {"type": "file_input", "action_id": "value", "max_files": 5}
    return {
        "type": "modal",
        "callback_id": FORM,
        "private_metadata": json.dumps({**origin, "lang": lang}),
        "title": plain(say("form.title", lang), 24),
        "submit": plain(say("form.submit", lang), 24),
        "close": plain(say("form.close", lang), 24),
        "blocks": [
            _input(
                "description",
                say("form.description", lang),
                _text(lines=True, initial=text, placeholder=say("form.description_hint", lang)),
            ),
            _input("log", say("form.log", lang), _text(lines=True), hint=say("form.log_hint", lang)),
            _input("more", say("form.log_more", lang), _text(lines=True)),
            _input("files", say("form.file", lang), file),
            _input("gpu", say("form.gpu", lang), _external(GPU, lang)),
            _input("model", say("form.model", lang), _external(MODEL, lang)),
            _input("framework", say("form.framework", lang), _external(FRAMEWORK, lang)),
            _input("lang", say("form.lang", lang), _choice(langs, "auto"), optional=False),
        ],
    }


def value_of(state: Mapping[str, Any], block: str) -> Any:
    """What was filled into a block: a text, a choice's value, or files; None for nothing."""
    element: Mapping[str, Any] = next(iter((state.get(block) or {}).values()), {}) or {}
    if element.get("type") == "file_input":
        return element.get("files")
    if "selected_option" in element:
        return (element["selected_option"] or {}).get("value")
    return element.get("value")


def stated_of(state: Mapping[str, Any]) -> dict[str, FactValue]:
    """The facts that the question form states: card, model, framework."""
    named = {"gpu_name": "gpu", "model": "model", "framework": "framework"}
    found = {fact: value_of(state, block) for fact, block in named.items()}
    return {fact: check_fact(fact, value) for fact, value in found.items() if value}


def facts_form(lang: Lang, case: str, facts: Sequence[str], place: Mapping[str, Any]) -> dict[str, Any]:
    """One input for each fact that an answer asked for; `place` says which message to renew."""
    blocks = []
    for fact in facts[:10]:
        spec = spec_of(fact)
        label = spec.ask(lang) or (spec.zh if lang == "zh" else spec.en)
        if spec.kind == "bool":
            names = (("true", "yes"), ("false", "no"))
            options = [
                option({"yes": "是", "no": "否"}[name] if lang == "zh" else name, value) for value, name in names
            ]
            element = _choice([option(say("questions.unknown", lang), _UNKNOWN), *options], _UNKNOWN)
        elif spec.choices:
            options = [option(each, each) for each in spec.choices[:99]]
            element = _choice([option(say("questions.unknown", lang), _UNKNOWN), *options], _UNKNOWN)
        elif fact in ("gpu_name", "model", "framework"):
            element = _external({"gpu_name": GPU, "model": MODEL, "framework": FRAMEWORK}[fact], lang)
        else:
            element = _text()
        blocks.append(_input(fact, label, element))
    return {
        "type": "modal",
        "callback_id": QUESTIONS,
        "private_metadata": json.dumps({"case": case, "lang": lang, "facts": list(facts[:10]), **place}),
        "title": plain(say("questions.title", lang), 24),
        "submit": plain(say("questions.submit", lang), 24),
        "close": plain(say("form.close", lang), 24),
        "blocks": blocks,
    }


def answered(state: Mapping[str, Any], facts: Sequence[str], lang: Lang) -> tuple[dict[str, FactValue], dict[str, str]]:
    """The stated facts, and for each block that can't be right the error to show under it."""
    stated: dict[str, FactValue] = {}
    errors: dict[str, str] = {}
    for fact in facts:
        value = value_of(state, fact)
        if value in (None, "", _UNKNOWN):
            continue
        try:
            stated[fact] = check_fact(fact, value)
        except FactError as error:
            errors[fact] = say("questions.bad", lang, error=error.message)[:300]
    return stated, errors


def settings_form(lang: Lang, settings: TeamSettings) -> dict[str, Any]:
    """The workspace's settings as they are."""
    langs = [option(say(f"form.lang.{each}", lang), each) for each in ("auto", "en", "zh")]
    react = [option(say(f"settings.react.{each}", lang), each) for each in ("files", "off")]
    emails = [option(say(f"settings.emails.{each}", lang), each) for each in ("keep", "hide")]
    gpu = _external(GPU, lang)
    if settings.gpu:
        gpu["initial_option"] = option(settings.gpu, settings.gpu)
    days = "" if settings.retention_days is None else str(settings.retention_days)
    return {
        "type": "modal",
        "callback_id": SETTINGS,
        "private_metadata": json.dumps({"lang": lang}),
        "title": plain(say("settings.title", lang), 24),
        "submit": plain(say("settings.submit", lang), 24),
        "close": plain(say("form.close", lang), 24),
        "blocks": [
            _input("lang", say("settings.lang", lang), _choice(langs, settings.lang), optional=False),
            _input("react", say("settings.react", lang), _choice(react, settings.react), optional=False),
            _input("gpu", say("settings.gpu", lang), gpu),
            _input(
                "emails",
                say("settings.emails", lang),
                _choice(emails, "hide" if settings.emails else "keep"),
                optional=False,
            ),
            _input("days", say("settings.days", lang), _text(initial=days), hint=say("settings.number", lang)),
        ],
    }


def settings_of(state: Mapping[str, Any], lang: Lang) -> tuple[dict[str, Any], dict[str, str]]:
    """The settings to store, and the errors to show under blocks."""
    days = str(value_of(state, "days") or "").strip()
    if days and not (days.isascii() and days.isdigit() and 1 <= int(days[:6]) <= 3650):
        return {}, {"days": say("settings.number", lang)}
    return {
        "lang": str(value_of(state, "lang") or "auto"),
        "react": str(value_of(state, "react") or "files"),
        "gpu": str(value_of(state, "gpu") or ""),
        "emails": value_of(state, "emails") == "hide",
        "retention_days": int(days) if days else None,
    }, {}


def forget_form(lang: Lang, response_url: str) -> dict[str, Any]:
    """Whether all of a workspace's data are to be deleted: what goes, what stays, who may."""
    return {
        "type": "modal",
        "callback_id": FORGET,
        "private_metadata": json.dumps({"lang": lang, "response_url": response_url}),
        "title": plain(say("forget.title", lang), 24),
        "submit": plain(say("forget.submit", lang), 24),
        "close": plain(say("form.close", lang), 24),
        "blocks": [rich(section([span(say("forget.sure", lang), 1000)]))],
    }


def waiting(lang: Lang) -> dict[str, Any]:
    """The view that is shown while the reasons are looked up."""
    return {
        "type": "modal",
        "title": plain(say("why.title", lang), 24),
        "blocks": [rich(section([span(say("why.loading", lang), 100)]))],
    }


def notice(lang: Lang, text: str) -> dict[str, Any]:
    """A view that says one thing."""
    return {
        "type": "modal",
        "title": plain(say("form.title", lang), 24),
        "blocks": [rich(section([span(text, 600)]))],
    }
