"""Block Kit as plain dicts, each built within Slack's limits whatever text it is given.

Limits: https://docs.slack.dev/reference/block-kit/blocks and the pages of the elements below it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from advisor.render.slack.inert import code, prose, size

Block: TypeAlias = dict[str, Any]
Element: TypeAlias = dict[str, Any]

MAX_BLOCKS = 50
MAX_CHARACTERS = 12_000
"""Of the blocks as JSON. Slack refuses messages from about 13,200 characters on (`msg_blocks_too_long`)."""
MAX_CHECKBOXES = 10
MAX_OPTIONS = 100
HEADER, BUTTON, OPTION, VALUE, OPTION_VALUE, PLACEHOLDER = 150, 75, 75, 2000, 150, 150


def plain(text: str, limit: int) -> Element:
    """A plain text object: Slack parses neither mentions nor marks in it, and no emoji names."""
    return {"type": "plain_text", "text": prose(text, limit), "emoji": False}


def header(text: str) -> Block:
    return {"type": "header", "text": plain(text, HEADER)}


def divider() -> Block:
    return {"type": "divider"}


def context(texts: Iterable[str], limit: int = 500) -> Block:
    """Small grey text; at most ten elements."""
    return {"type": "context", "elements": [plain(text, limit) for text in texts][:10]}


def span(text: str, limit: int, *, bold: bool = False, italic: bool = False, mono: bool = False) -> Element:
    """A text element of rich text: shown as it is. Its first and last blank are kept, so that spans can be joined."""
    shown = prose(text, limit)
    shown = f"{' ' if text[:1] == ' ' else ''}{shown}{' ' if text[-1:] == ' ' and text.strip() else ''}"
    style = {name: True for name, on in (("bold", bold), ("italic", italic), ("code", mono)) if on}
    return {"type": "text", "text": shown} | ({"style": style} if style else {})


def line_break() -> Element:
    return {"type": "text", "text": "\n"}


def emoji(name: str) -> Element:
    return {"type": "emoji", "name": name}


def link(url: str, text: str) -> Element:
    """A link whose address is ours (a source of the knowledge), never a user's."""
    return {"type": "link", "url": url, "text": prose(text, 150)}


def section(elements: Sequence[Element]) -> Element:
    return {"type": "rich_text_section", "elements": list(elements)}


def bullets(items: Iterable[Sequence[Element]], *, ordered: bool = False) -> Element:
    style = "ordered" if ordered else "bullet"
    return {"type": "rich_text_list", "style": style, "elements": [section(item) for item in items]}


def preformatted(text: str, limit: int) -> Element:
    """Lines in a fixed width. The only place for excerpts of logs and for changes to copy."""
    return {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": code(text, limit)}]}


def rich(*parts: Element) -> Block:
    return {"type": "rich_text", "elements": list(parts)}


def button(action: str, text: str, value: str, *, style: str = "", confirm: Element | None = None) -> Element:
    made: Element = {"type": "button", "action_id": action, "text": plain(text, BUTTON), "value": value[:VALUE]}
    if style:
        made["style"] = style
    if confirm is not None:
        made["confirm"] = confirm
    return made


def confirmation(title: str, text: str, yes: str, no: str) -> Element:
    return {"title": plain(title, 100), "text": plain(text, 300), "confirm": plain(yes, 30), "deny": plain(no, 30)}


def option(text: str, value: str, description: str = "") -> Element:
    made: Element = {"text": plain(text, OPTION), "value": value[:OPTION_VALUE]}
    if description:
        made["description"] = plain(description, OPTION)
    return made


def checkboxes(action: str, options: Sequence[Element], chosen: Iterable[str]) -> Element:
    """Ten boxes at most; `chosen` names the values of those that are ticked."""
    shown = list(options)[:MAX_CHECKBOXES]
    ticked = set(chosen)
    initial = [each for each in shown if each["value"] in ticked]
    made: Element = {"type": "checkboxes", "action_id": action, "options": shown}
    return made | ({"initial_options": initial} if initial else {})


def select(action: str, placeholder: str, options: Sequence[Element], chosen: str = "") -> Element:
    shown = list(options)[:MAX_OPTIONS]
    made: Element = {
        "type": "static_select", "action_id": action, "placeholder": plain(placeholder, PLACEHOLDER), "options": shown,
    }  # fmt: skip
    initial = next((each for each in shown if each["value"] == chosen), None) if chosen else None
    return made | ({"initial_option": initial} if initial else {})


def actions(block_id: str, elements: Sequence[Element]) -> Block:
    return {"type": "actions", "block_id": block_id[:255], "elements": list(elements)[:25]}


def weight(blocks: Any) -> int:
    """Characters of blocks as JSON, in UTF-16 units."""
    return size(json.dumps(blocks, ensure_ascii=False, separators=(",", ":")))
