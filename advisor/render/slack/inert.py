"""Foreign text made inert: it can neither ping, link nor format, and has no invisible or direction-changing characters."""

from __future__ import annotations

import unicodedata

# Slack counts what JavaScript counts: UTF-16 units. An emoji outside of the basic plane is two.
_BREAKS = "\n"
# Letters and marks that show nothing although Unicode does not class them as format characters.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_MAX_MARKS = 3  # combining marks on one letter; more draw over the neighbouring lines
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn"}
_OPENERS = frozenset("!@#/")  # what makes a `<` a control sequence, beside a letter


def size(text: str) -> int:
    """Length in UTF-16 units, as Slack counts.

    >>> size("GPU"), size("显存"), size("\U0001f525")
    (3, 2, 2)
    """
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def clean(text: str, *, lines: bool = False) -> str:
    """The text without control, format, bidirectional, private and unassigned characters; `lines` keeps line breaks, else they are blanks.

    >>> clean("a\\u202eb\\u200bc\\x1b[0m")
    'abc[0m'
    """
    if text.isascii() and text.isprintable():
        return text
    kept: list[str] = []
    marks = 0
    for char in text.replace("\r\n", "\n").replace("\r", "\n"):
        if " " <= char <= "~":
            marks = 0
            kept.append(char)
            continue
        if char in "\n\u2028\u2029\x85\x0b\x0c":
            marks = 0
            kept.append("\n" if lines else " ")
            continue
        if char == "\t":
            kept.append("    " if lines else " ")
            continue
        category = unicodedata.category(char)
        if category in _HIDDEN or char in _BLANK:
            continue
        if category in ("Mn", "Me"):
            marks += 1
            if marks > _MAX_MARKS:
                continue
        else:
            marks = 0
        kept.append(" " if category == "Zs" else char)
    return "".join(kept)


def cut(text: str, limit: int) -> str:
    """The text in at most `limit` UTF-16 units, with an ellipsis where something was cut."""
    if size(text) <= limit:
        return text
    taken: list[str] = []
    used = 1
    for char in text:
        used += 2 if char > "\uffff" else 1
        if used > limit:
            break
        taken.append(char)
    return "".join(taken).rstrip() + "…"


def prose(text: str, limit: int) -> str:
    """One line for a rich-text element or a plain text object, where nothing is parsed; for the case that something is, what looks like
    a control sequence or an address is broken.

    >>> prose("see <!channel> at http://example.com\\nnow", 80)
    'see ‹!channel> at http: //example.com now'
    """
    text = " ".join(clean(text[: 4 * limit + 64]).split())
    if "<" in text:
        head, *rest = text.split("<")
        text = head + "".join(("‹" if _opens(part) else "<") + part for part in rest)
    return cut(text.replace("://", ": //"), limit) or "-"


def _opens(after: str) -> bool:
    return bool(after) and (after[0] in _OPENERS or after[0].isalpha())


def code(text: str, limit: int) -> str:
    """Lines for a `rich_text_preformatted` element, whose text Slack shows as it is."""
    text = clean(text[: 4 * limit + 64], lines=True).strip("\n")
    return cut("\n".join(line.rstrip() for line in text.split("\n")), limit) or "-"


def fallback(text: str, limit: int = 1500) -> str:
    """The `text` of a message, which notifications and screen readers use: Slack parses it, so `&`, `<`, `>` are escaped.

    >>> fallback("<!channel> & *all*")
    '‹!channel&gt; &amp; ∗all∗'
    """
    text = prose(text, limit // 5).translate(_MARKS)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


# mrkdwn has no escape for these; their twins look the same and mean nothing.
_MARKS = str.maketrans({"*": "∗", "~": "∼", "`": "ˋ"})
