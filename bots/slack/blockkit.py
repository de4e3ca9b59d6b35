"""Checks blocks against Slack's limits through slackblocks, and what it does not check: ids, empty texts, fallback, tables, total size."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import re2
import slackblocks as sb
from slackblocks.errors import InvalidUsageError
from slackblocks.objects import ConfirmationDialogue, Option, SlackFile, Text
from slackblocks.rich_text import elements as rich_elements
from slackblocks.rich_text import objects as rich_objects

from advisor.render.slack.blocks import MAX_CHARACTERS, weight
from advisor.render.slack.inert import clean, size

MAX_TEXT = 3000
"""Of the fallback text; Slack cuts at 40,000 characters."""
Dict = Mapping[str, Any]


def faults(message: Dict) -> list[str]:
    """What Slack would refuse of a message's `text` and `blocks`; empty when it is fine."""
    blocks: Sequence[Dict] = message.get("blocks") or []
    found = list(_beyond(blocks))
    if not str(message.get("text") or "").strip():
        found.append("no fallback text")
    if size(str(message.get("text") or "")) > MAX_TEXT:
        found.append("fallback text is too long")
    if weight(blocks) > MAX_CHARACTERS:
        found.append(f"{weight(blocks)} characters in all")
    try:
        sb.Message("C0123ABC", text=str(message.get("text") or "-"), blocks=[_block(each) for each in blocks])
    except (InvalidUsageError, ValueError, TypeError, KeyError) as error:
        found.append(f"{type(error).__name__}: {error}")
    return found


def view_faults(view: Dict) -> list[str]:
    """What Slack would refuse of a modal or a home tab."""
    blocks: Sequence[Dict] = view.get("blocks") or []
    found = list(_beyond(blocks))
    common: dict[str, Any] = {"blocks": [_block(each) for each in blocks]}
    common |= {key: view[key] for key in ("private_metadata", "callback_id", "external_id") if key in view}
    try:
        if view["type"] == "home":
            sb.HomeTabView(**common)
        else:
            texts: dict[str, Any] = {
                key: Text.from_dict(dict(view[key])) for key in ("title", "close", "submit") if key in view
            }
            for key, text in texts.items():
                if size(text.text) > 24:
                    found.append(f"{key} is too long")
            if any(block["type"] == "input" for block in blocks) and "submit" not in view:
                found.append("inputs without submit")
            sb.ModalView(**common, **texts)
    except (InvalidUsageError, ValueError, TypeError, KeyError) as error:
        found.append(f"{type(error).__name__}: {error}")
    return found


def _beyond(blocks: Sequence[Dict]) -> Iterator[str]:
    ids = [each["block_id"] for each in blocks if "block_id" in each]
    yield from (f"block_id {name} twice" for name in set(ids) if ids.count(name) > 1)
    if sum(each["type"] in ("table", "data_table") for each in blocks) > 1:
        yield "two tables"
    for each in blocks:
        yield from _empty(each)
        actions = [element.get("action_id") for element in each.get("elements", ()) if isinstance(element, dict)]
        named = [action for action in actions if action]
        if len(named) != len(set(named)):
            yield "action_id twice in a block"


def _empty(value: Any) -> Iterator[str]:
    """Texts and cells without characters, and rich text lists without items, which Slack refuses."""
    if isinstance(value, Mapping):
        if value.get("type") in ("text", "plain_text", "mrkdwn", "raw_text") and not value.get("text"):
            yield f"empty {value['type']}"
        if str(value.get("type", "")).startswith("rich_text") and not value.get("elements"):
            yield f"empty {value['type']}"
        for each in value.values():
            yield from _empty(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _empty(each)


def _block(data: Dict) -> Any:
    """The block of slackblocks that a dict describes; building it checks its limits."""
    made = _BLOCKS.get(data["type"])
    if made is None:
        raise ValueError(f"unknown block {data['type']}")
    return made(data)


def _text(data: Dict) -> Any:
    return Text.from_dict(dict(data))


def _optional(data: Dict, key: str, make: Callable[[Dict], Any]) -> Any:
    return make(data[key]) if key in data else None


def _options(data: Dict, key: str) -> list[Any]:
    return [Option.from_dict(dict(each)) for each in data[key]]


def _confirm(data: Dict) -> Any:
    return ConfirmationDialogue.from_dict(dict(data))


def _initial(data: Dict) -> Any:
    return Option.from_dict(dict(data["initial_option"])) if "initial_option" in data else None


def _element(data: Dict) -> Any:
    kind, action = data["type"], data.get("action_id")
    hint = _optional(data, "placeholder", _text)
    if kind in ("plain_text", "mrkdwn"):
        return _text(data)
    if kind == "button":
        keep = {key: data[key] for key in ("url", "value", "style", "accessibility_label") if key in data}
        return sb.Button(_text(data["text"]), action, confirm=_optional(data, "confirm", _confirm), **keep)
    if kind == "checkboxes":
        initial = _options(data, "initial_options") if "initial_options" in data else None
        return sb.CheckboxGroup(action, _options(data, "options"), initial)
    if kind == "radio_buttons":
        return sb.RadioButtonGroup(action, _options(data, "options"), _initial(data))
    if kind == "static_select":
        return sb.StaticSelectMenu(action, _options(data, "options"), initial_option=_initial(data), placeholder=hint)
    if kind == "external_select":
        return sb.ExternalSelectMenu(action, _initial(data), data.get("min_query_length"), placeholder=hint)
    if kind == "plain_text_input":
        keep = {key: data[key] for key in ("initial_value", "multiline", "min_length", "max_length") if key in data}
        return sb.PlainTextInput(action, placeholder=hint, **keep)
    if kind == "file_input":
        return sb.FileInput(action, data.get("filetypes"), data.get("max_files"))
    raise ValueError(f"unknown element {kind}")


def _rich(data: Dict) -> Any:
    kind = data["type"]
    if kind == "rich_text_list":
        return rich_objects.RichTextList(data["style"], [_rich(each) for each in data["elements"]])
    parts = [_rich_element(each) for each in data["elements"]]
    if kind == "rich_text_preformatted":
        return rich_objects.RichTextCodeBlock(parts)
    if kind == "rich_text_section":
        return rich_objects.RichTextSection(parts)
    raise ValueError(f"unknown rich text {kind}")


def _rich_element(data: Dict) -> Any:
    kind = data["type"]
    if kind == "text":
        return rich_elements.RichText(data["text"], **data.get("style", {}))
    if kind == "emoji":
        return rich_elements.RichTextEmoji(data["name"])
    if kind == "link":
        return rich_elements.RichTextLink(data["url"], data.get("text"))
    raise ValueError(f"unknown rich text element {kind}")


_BLOCKS: dict[str, Callable[[Dict], Any]] = {
    "header": lambda data: sb.HeaderBlock(_text(data["text"]), data.get("block_id")),
    "divider": lambda data: sb.DividerBlock(data.get("block_id")),
    "context": lambda data: sb.ContextBlock([_element(each) for each in data["elements"]], data.get("block_id")),
    "actions": lambda data: sb.ActionsBlock([_element(each) for each in data["elements"]], data.get("block_id")),
    "rich_text": lambda data: sb.RichTextBlock([_rich(each) for each in data["elements"]], data.get("block_id")),
    "section": lambda data: sb.SectionBlock(
        _optional(data, "text", _text), data.get("block_id"), accessory=_optional(data, "accessory", _element)
    ),
    "image": lambda data: sb.ImageBlock(
        alt_text=data["alt_text"],
        title=_optional(data, "title", _text),
        slack_file=SlackFile(None, data["slack_file"]["id"]),
    ),
    "input": lambda data: sb.InputBlock(
        _text(data["label"]),
        _element(data["element"]),
        bool(data.get("dispatch_action")),
        data.get("block_id"),
        _optional(data, "hint", _text),
        bool(data.get("optional")),
    ),
}


_PARSED = re2.compile(r"<[!@#/\pL]|://")
_ELEMENTS = frozenset({"text", "emoji", "link"})


def unsafe(message: Dict, emojis: Collection[str], links: Collection[str]) -> list[str]:
    """What of a message or view could ping, link, format, or hide: its text unescaped, mrkdwn, mentions, invisible characters.

    Args:
        emojis, links: the names and addresses that the product itself may show.
    """
    found = []
    if _unescaped(str(message.get("text") or "")):
        found.append("the fallback text has an unescaped control character")
    if message.get("link_names") or message.get("parse", "none") != "none" or message.get("unfurl_links"):
        found.append("the message is parsed or unfurled")
    for place, node in _nodes({key: message[key] for key in ("blocks", "title", "submit", "close") if key in message}):
        kind = node.get("type")
        text = node.get("text")
        if kind == "mrkdwn" or kind == "markdown":
            found.append(f"{kind} in {place}")
        if "rich_text_section" in place and place.endswith(".elements") and kind not in _ELEMENTS:
            found.append(f"{kind} in {place}")
        if kind == "emoji" and node["name"] not in emojis:
            found.append(f"emoji {node['name']!r}")
        if kind == "link" and node["url"] not in links:
            found.append(f"link to {node['url']!r}")
        if kind == "plain_text" and node.get("emoji") is not False:
            found.append(f"emoji names are parsed in {place}")
        if isinstance(text, str):
            if clean(text, lines=True) != text:
                found.append(f"an invisible character in {place}")
            if "rich_text_preformatted" not in place and _PARSED.search(text):
                found.append(f"a control sequence in {place}: {text[:60]!r}")
    return found


def _unescaped(text: str) -> bool:
    bare = text.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
    return any(char in bare for char in "<>&*~`") or clean(text) != text


def _nodes(value: Any, place: str = "") -> Iterator[tuple[str, Dict]]:
    """Every dict below a value, with the types and keys on the way to it."""
    if isinstance(value, Mapping):
        here = f"{place}.{value['type']}" if "type" in value else place
        yield place, value
        for key, each in value.items():
            yield from _nodes(each, f"{here}.{key}")
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _nodes(each, place)
