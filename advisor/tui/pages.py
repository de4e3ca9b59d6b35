"""The pages of text that the screen shows or copies: help, comparison, changes."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from advisor.diagnosis.scenario import Scenario
from advisor.facts import Lang
from advisor.tui.session import Session
from advisor.units import format_gib
from advisor.wording import word

_KEYS = (
    "ctrl+r", "ctrl+o", "f1", "f2", "f3", "f4", "f5", "f6", "f7", "space", "enter", "l", "p", "u", "U", "x", "k", "c", "n", "h", "y", "m",
    "j", "s", "esc", "ctrl+p", "ctrl+q",
)  # fmt: skip


def help_page(lang: Lang) -> RenderableType:
    """All keys with what they do."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for key in _KEYS:
        table.add_row(Text(key, style="bold"), word(f"tui.key.{key}", lang))
    return Group(Text(word("tui.help", lang), style="bold"), Text(""), table)


def compare_page(session: Session) -> RenderableType:
    """The run as it is, the kept scenario and the present one side by side, part by part."""
    lang = session.lang
    if session.case is None or session.case.estimate is None:
        return Text(word("tui.no_estimate", lang))
    from advisor.diagnosis.scenario import scenario_of

    columns: list[tuple[str, Scenario]] = [(word("tui.now", lang), scenario_of(session.case, ()))]
    if session.kept is not None:
        columns.append((word("tui.kept", lang, count=len(session.kept.steps)), session.kept))
    if session.now is not None and session.chosen:
        columns.append((word("tui.chosen", lang, count=len(session.chosen)), session.now))
    names = list(dict.fromkeys(name for _, scenario in columns for name in scenario.parts()))
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("")
    for label, _ in columns:
        table.add_column(label, justify="right")
    for name in names:
        cells = [format_gib(scenario.parts().get(name, 0.0)) for _, scenario in columns]
        table.add_row(word(f"component.{name}", lang), *cells)
    totals = [format_gib(sum(s.parts().values())) if s.estimate else "?" for _, s in columns]
    table.add_row(Text(word("tui.total", lang), style="bold"), *totals, style="bold")
    table.add_row(word("column.fits", lang), *(_fits(s, lang) for _, s in columns))
    table.add_row(word("column.time", lang), *(f"x{s.time_factor:.2f}" for _, s in columns))
    titles = {remedy.id: remedy.title for remedy in session.report.remedies} if session.report else {}
    lists = [Text(f"{label}: {' + '.join(titles.get(step, step) for step in s.steps) or '-'}") for label, s in columns]
    return Group(table, Text(""), *lists)


def _fits(scenario: Scenario, lang: Lang) -> str:
    if scenario.estimate is None or scenario.estimate.fits is None:
        return "?"
    return word("yes" if scenario.estimate.fits else "no", lang)


def changes_text(session: Session) -> str:
    """The exact changes of what is switched on, or of the first remedy when nothing is."""
    report = session.report
    if report is None:
        return ""
    wanted = session.chosen or tuple(remedy.id for remedy in report.remedies[:1])
    lines = []
    for remedy in report.remedies:
        if remedy.id in wanted:
            lines.append(f"# {remedy.title}")
            lines += [change.text for change in remedy.changes]
    return "\n".join(lines)
