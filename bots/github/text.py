"""What a person wrote in an issue or a comment: templates, check boxes and quotes of others are taken out."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Mapping

import re2

from advisor.facts import FactValue

# GitHub's own limit of a body; more is cut, so that nothing here depends on that promise.
LONGEST = 70_000

_FENCE = re2.compile(r"^ {0,3}(`{3,}|~{3,})(.*)$")
# "- [x] I have searched the issues for out-of-memory errors": a form's box says nothing about the run.
_BOX = re2.compile(r"^\s*(?:[-*+]|\d{1,3}[.)])\s+\[[ xX✓]?\]")
_QUOTE = re2.compile(r"^ {0,3}>")
# What an issue form writes where a field was left empty.
_EMPTY = frozenset({"_no response_", "no response", "n/a", "none", "_no response"})
_COMMENT_OPEN, _COMMENT_CLOSE = "<!--", "-->"
COMMAND = re2.compile(r"^ {0,3}/advisor(?:\s|$)")


def written(body: str, *, quotes: bool = True) -> str:
    """The lines that the author wrote, in which line numbers stay as they are in `body`: what is taken out leaves an empty line.

    Taken out: HTML comments, check boxes, empty answers of forms, `/advisor` commands, and with `quotes=False` quoted lines. Inside of
    code fences nothing is touched.

    >>> written("<!-- paste the log here -->\\n- [x] not an OOM\\nCUDA out of memory")
    '\\n\\nCUDA out of memory'
    """
    kept: list[str] = []
    fence = ""
    hidden = False
    for line in body[:LONGEST].replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if fence:
            kept.append(line)
            closing = _FENCE.match(line)
            if closing and closing.group(1)[0] == fence[0] and len(closing.group(1)) >= len(fence):
                fence = "" if not closing.group(2).strip() else fence
            continue
        shown, hidden = _uncommented(line, hidden)
        opening = None if hidden else _FENCE.match(shown)
        if opening and not (opening.group(1)[0] == "`" and "`" in opening.group(2)):
            fence = opening.group(1)
        drop = _BOX.match(shown) or shown.strip().lower() in _EMPTY or COMMAND.match(shown)
        kept.append("" if drop or (not quotes and _QUOTE.match(shown)) else shown)
    return "\n".join(kept)


def _uncommented(line: str, hidden: bool) -> tuple[str, bool]:
    """The line without what lies in HTML comments, and whether the next line begins inside of one."""
    shown = ""
    while line:
        if hidden:
            end = line.find(_COMMENT_CLOSE)
            if end < 0:
                return shown, True
            line, hidden = line[end + len(_COMMENT_CLOSE) :], False
            continue
        start = line.find(_COMMENT_OPEN)
        if start < 0:
            return shown + line, False
        shown, line, hidden = shown + line[:start], line[start + len(_COMMENT_OPEN) :], True
    return shown, hidden


def commands_in(body: str) -> list[str]:
    """What follows `/advisor` on the lines that begin with it, outside of fences, quotes and HTML comments."""
    found: list[str] = []
    fence = ""
    hidden = False
    for line in body[:LONGEST].replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        mark = None if hidden else _FENCE.match(line)
        if fence:
            if mark and mark.group(1)[0] == fence[0] and len(mark.group(1)) >= len(fence) and not mark.group(2).strip():
                fence = ""
            continue
        if mark and not (mark.group(1)[0] == "`" and "`" in mark.group(2)):
            fence = mark.group(1)
            continue
        shown, hidden = _uncommented(line, hidden)
        if COMMAND.match(shown):
            found.append(shown.strip()[len("/advisor") :].strip())
    return found


def digest(texts: Iterable[str], facts: Mapping[str, FactValue], settings: str) -> str:
    """16 hexadecimal digits that change when the texts change in more than blanks, or the stated facts, or the settings."""
    plain = [" ".join(unicodedata.normalize("NFC", text).split()) for text in texts]
    data = json.dumps([plain, dict(sorted(facts.items())), settings], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(data.encode("utf-8", "replace")).hexdigest()[:16]
