"""Foreign text in a comment: in a sentence, in a code span, in a cell, in a block; cut to a length, and nothing in it takes effect."""

from __future__ import annotations

from advisor.render import markdown

LONGEST = 400

_HIDDEN = dict.fromkeys(
    [*range(9), 11, 12, *range(14, 32), 127, *range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x206A), 0xFEFF]
)  # fmt: skip


def plain(text: str, longest: int = LONGEST) -> str:
    """Foreign text in a sentence, as Markdown that shows it as it is, on one line."""
    return markdown.escape(_cut(text, longest))


def code(text: str, longest: int = LONGEST) -> str:
    """Foreign text as a code span, on one line, whatever backticks it holds; empty for an empty text.

    >>> code("a `b`")
    '`` a `b` ``'
    """
    text = _cut(" ".join(text.translate(_HIDDEN).split()), longest)
    if not text:
        return ""
    longest_run = run = 0
    for char in text:
        run = run + 1 if char == "`" else 0
        longest_run = max(longest_run, run)
    ticks = "`" * (longest_run + 1)
    blank = " " if text[0] == "`" or text[-1] == "`" else ""
    return f"{ticks}{blank}{text}{blank}{ticks}"


def cell(text: str, longest: int = LONGEST) -> str:
    """`code` for a cell of a table, where a bar would end the cell even in code."""
    return code(text.replace("|", "¦"), longest)


def block(text: str, language: str = "", longest: int = 4_000) -> str:
    """Foreign text as a code block with a fence longer than any run of backticks inside."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_HIDDEN)
    return markdown.fence(_cut(text, longest), language)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
