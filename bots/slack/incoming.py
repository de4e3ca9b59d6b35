"""What Slack hands over, as plain text and files: entities and mentions undone, secrets hidden before anything is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import re2

from advisor.library import Library
from advisor.redact import redact
from bots.slack.needs import Needs

MAX_TEXT = 200_000
"""Characters of what came with a request; Slack's own messages have 40,000 at most."""
MAX_FILES_TEXT = 1_500_000
"""Characters of all its files together; a case keeps 2,000,000."""
MAX_FILES = 10
MARKED_S = 2 * 86_400.0
"""As long as the key of an ended job is known."""
_TOKEN = re2.compile(r"<([^<>\n]*)>")
_FILE_WORDS = (
    "id",
    "name",
    "mimetype",
    "filetype",
    "size",
    "url_private_download",
    "url_private",
    "mode",
    "file_access",
)


def plain_text(text: str) -> str:
    """A message as the person sees it: links as their label, mentions gone, `&lt;` as `<`.

    >>> plain_text("<@U0123ABC> OOM with <https://example.com/x|train.py>: 3 &lt; 4")
    ' OOM with train.py: 3 < 4'
    """
    made: list[str] = []
    end = 0
    for match in _TOKEN.finditer(text):
        made.append(text[end : match.start()])
        made.append(_shown(match.group(1)))
        end = match.end()
    made.append(text[end:])
    return "".join(made).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _shown(inside: str) -> str:
    target, bar, label = inside.partition("|")
    if inside[:1] in ("@", "!"):
        return ""
    if inside[:1] == "#":
        return f"#{label}" if label else ""
    if bar:
        return label
    return target.removeprefix("mailto:") if "://" in target or target.startswith("mailto:") else f"<{inside}>"


def files_of(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is needed later to read the files of a message; ten at most."""
    found = []
    for each in message.get("files") or ():
        if isinstance(each, Mapping) and each.get("mode") != "tombstone":
            found.append({key: each[key] for key in _FILE_WORDS if key in each})
    return found[:MAX_FILES]


def hidden(text: str, library: Library, *, emails: bool = False, limit: int = MAX_TEXT) -> tuple[str, int]:
    """The text without secrets, and how many there were.

    Of a text longer than `limit`, its beginning, where the command stands, and its end, where the error does.
    """
    if len(text) > limit:
        text = f"{text[: limit // 4]}\n{text[limit // 4 - limit :]}"
    return redact(text, emails=emails, library=library)


def request(needs: Needs, texts: Iterable[str], **words: Any) -> dict[str, Any]:
    """The payload of a job that reads a text: secrets hidden, the workspace's settings looked up once."""
    settings = needs.store.settings(str(words.get("team", "")))
    text, count = hidden("\n".join(each for each in texts if each.strip()), needs.library, emails=settings.emails)
    lang = words.pop("lang", "auto") or "auto"
    if lang == "auto":
        lang = settings.lang
    return {**words, "text": text, "hidden": count, "lang": lang, "emails": settings.emails, "gpu": settings.gpu}


def origin(body: Mapping[str, Any]) -> dict[str, str]:
    """Who asks, in which workspace: the words of every payload. Works for commands, interactions and events."""
    team, enterprise, user = body.get("team"), body.get("enterprise"), body.get("user")
    event = body.get("event") or {}
    return {
        "team": str(body.get("team_id") or (team or {}).get("id") or ""),
        "enterprise": str(body.get("enterprise_id") or (enterprise or {}).get("id") or ""),
        "user": str(body.get("user_id") or (user or {}).get("id") or event.get("user") or event.get("user_id") or ""),
    }


def asked_mark(key: str) -> str:
    """The mark that a mention asks about a file whose `file_shared` came first."""
    return f"asked:{key}"


def answered_mark(key: str) -> str:
    """The mark that a file is being answered for itself; a mention that only names the bot adds nothing then."""
    return f"answered:{key}"


def file_key(file: str, channel: str) -> str:
    """The key of an uploaded file in a channel: it is answered once."""
    return f"file:{channel}:{file}"


def thread_text(messages: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[dict[str, Any]]]:
    """Texts and files of a thread's messages, without those of bots."""
    texts, files = [], []
    for each in messages:
        if each.get("bot_id"):
            continue
        texts.append(plain_text(str(each.get("text") or "")))
        files += files_of(each)
    return texts, files[:MAX_FILES]
