"""The diagnosis as text: coloured by rich on a terminal, plain characters in pipes and files."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, TextIO

from advisor.render.layout import plain
from advisor.render.page import Page
from advisor.report import Diagnosis

if TYPE_CHECKING:
    from rich.console import Console

MIN_WIDTH = 20
_PLAIN = str.maketrans(
    {"•": "-", "→": "->", "…": "...", "≥": ">=", "≤": "<=", "“": '"', "”": '"', "’": "'", "×": "x", "·": ".", "–": "-"}
)


def render_text(
    diagnosis: Diagnosis,
    *,
    explain: bool = False,
    everything: bool = False,
    width: int | None = None,
    file: TextIO | None = None,
    console: Console | None = None,
) -> str:
    """The diagnosis as text; printed to `console` or `file` when given, returned otherwise.

    Args:
        explain: show the trace: rules, conditions, lines and documents.
        everything: show all remedies instead of the first ones.
        width: columns; None takes the terminal's, or COLUMNS, or 80.
        file: a terminal gets colours as NO_COLOR and FORCE_COLOR want them; anything else gets plain text.
    """
    if console is None and file is not None and file.isatty():
        console = _console(file, width)
    encoding = (getattr(file, "encoding", None) or "utf-8").lower().replace("-", "")
    ascii_only = not encoding.startswith("utf")
    columns = width or (console.width if console else shutil.get_terminal_size().columns)
    rows = list(
        Page(diagnosis, max(MIN_WIDTH, columns), ascii_only=ascii_only).rows(explain=explain, everything=everything)
    )
    if console is not None:
        from rich.text import Text

        for row in rows:
            # soft_wrap: lines are broken already, and what is to be copied must stay one line.
            console.print(Text.assemble(*row), soft_wrap=True)
        return ""
    text = plain(rows)
    if ascii_only:
        # Chinese in an ASCII terminal can't be saved; everything else has a plain spelling.
        text = text.translate(_PLAIN).encode(encoding, "replace").decode(encoding)
    if file is not None:
        file.write(text)
        return ""
    return text


def _console(file: TextIO, width: int | None) -> Console:
    from rich.console import Console

    return Console(file=file, width=width, highlight=False, emoji=False, markup=False)
