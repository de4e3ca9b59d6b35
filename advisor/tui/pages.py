"""The pages of text that lie over the screen: the keys, and scenarios side by side."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from advisor.diagnosis.scenario import Scenario
from advisor.facts import Lang
from advisor.tui.session import Session
from advisor.tui.switches import plain
from advisor.tui.tables import numbers_table
from advisor.wording import word

_KEYS = (
    ("text", ("ctrl+r", "ctrl+o", "ctrl+n")),
    ("facts", ("enter", "delete", "l")),
    ("remedies", ("space", "left_right", "p", "x", "u", "U", "k", "c")),
    ("view", ("n", "h", "tabs", "f2", "f3")),
    ("take", ("y", "m", "j", "s")),
    ("all", ("f1", "ctrl+p", "esc", "ctrl+q")),
)
_SHOWN = {"left_right": "← →", "tabs": "F4 … F7", "U": "shift+u"}


def help_page(lang: Lang) -> RenderableType:
    """All keys with what they do, by what one is doing, and what the marks mean."""
    rows: list[RenderableType] = []
    for group, keys in _KEYS:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        table.add_column(min_width=9)
        for key in keys:
            table.add_row(Text(_SHOWN.get(key, key), style="bold"), word(f"tui.key.{key}", lang))
        rows += [Text(word(f"tui.keys.{group}", lang), style="bold underline"), table, Text("")]
    rows += [Text(word("tui.keys.marks", lang), style="bold underline"), Text(word("tui.marks", lang))]
    return Group(*rows)


def scenarios(session: Session) -> list[tuple[str, Scenario]]:
    """What there is to compare, with a word for each: the run as it is, kept, switched on, and the plan."""
    lang = session.lang
    if session.base is None or session.base.estimate is None:
        return []
    found = [(word("tui.now", lang), session.base)]
    if session.kept is not None:
        found.append((word("tui.kept", lang, count=len(session.kept.steps)), session.kept))
    if session.now is not None and session.chosen:
        found.append((word("tui.chosen", lang, count=len(session.chosen)), session.now))
    if session.planned is not None and session.planned.words not in [one.words for _, one in found]:
        found.append((word("tui.planned", lang, count=len(session.planned.steps)), session.planned))
    return found


def compare_page(session: Session, width: int) -> RenderableType:
    """Scenarios side by side: components, totals, intervals, and below what each changes; `width` columns wide."""
    columns = scenarios(session)
    if not columns:
        return Text(word("tui.no_estimate", session.lang))
    return Group(numbers_table(columns, session.lang, width), Text(""), *_steps(session, columns[1:]))


def _steps(session: Session, columns: Sequence[tuple[str, Scenario]]) -> list[Text]:
    rows = []
    for label, scenario in columns:
        rows.append(Text(label, style="bold"))
        for step in scenario.steps:
            remedy = session.remedy(step)
            rows.append(Text(f"  • {remedy.title if remedy else step}"))
        changed = ", ".join(f"{name} → {plain(value)}" for name, value in scenario.changed.items())
        if changed:
            rows.append(Text(f"    {changed}", style="dim"))
    if not columns:
        rows.append(Text(word("tui.compare_hint", session.lang), style="dim"))
    return rows
