"""Why a remedy is advised: its reason, the exact changes, the figures, the rules with their conditions, the lines, the documents."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from advisor.facts import Lang
from advisor.report import Change, Diagnosis, Evidence, RemedyReport
from advisor.tui.safe import printable
from advisor.tui.switches import Switch
from advisor.units import format_gib
from advisor.wording import word

DIFFERENT = 0.02  # what a remedy saves beside others is told where it differs by more than this share


class WhyView(VerticalScroll):
    """The reasons behind one remedy, or behind the whole diagnosis when none is selected."""

    def compose(self) -> ComposeResult:
        yield Static(classes="why-text")

    def show(self, report: Diagnosis | None, remedy: RemedyReport | None, switch: Switch | None = None) -> None:
        """Shows the remedy, or the causes when there is none."""
        body = self.query_one(Static)
        if report is None:
            body.update("")
            return
        blocks = _causes(report) if remedy is None else _remedy(report, remedy, switch)
        body.update(Text("\n").join(blocks))
        self.scroll_home(animate=False)


def _causes(report: Diagnosis) -> list[Text]:
    rows = [Text(report.verdict, style="bold")]
    for cause in report.causes:
        rows.append(Text(f"\n• {cause.title} ({cause.confidence:.0%})", style="bold"))
        rows.append(Text(f"  {cause.because}"))
    if report.hardware:
        rows.append(_heading("heading.hardware", report.lang))
        rows.append(Text(report.hardware))
    if report.estimate is not None and report.estimate.components:
        rows.append(_heading("heading.memory", report.lang))
        for part in report.estimate.components:
            rows.append(Text.assemble(f"• {part.title} {format_gib(part.gib)}", (f"  {part.formula}", "dim")))
        for warning in report.estimate.warnings:
            rows.append(Text(f"! {warning}", style="dim"))
    return rows


def _remedy(report: Diagnosis, remedy: RemedyReport, switch: Switch | None) -> list[Text]:
    lang = report.lang
    rows = [Text(remedy.title, style="bold underline"), Text(remedy.what)]
    if remedy.because:
        rows.append(Text("\n" + remedy.because))
    if switch is not None and switch.blocked:
        rows.append(Text("\n✗ " + switch.blocked, style="bold"))
    rows += [Text(""), _figures(remedy, switch, lang)]
    for change in remedy.changes:
        rows += _change(change)
    steps = [step for step in report.trace if step.rule in remedy.rules]
    if steps:
        rows.append(_heading("heading.trace", lang))
    tested: set[str] = set()
    for step in steps:
        rows.append(Text(f"• {step.rule}", style="bold"))
        if step.because and step.because != remedy.because:
            rows.append(Text(f"  {step.because}"))
        rows.append(Text(f"  {'; '.join(step.conditions)}", style="dim"))
        tested |= {condition.split(" ", 1)[0] for condition in step.conditions}
    lines = {(item.line, item.quote): item for item in report.evidence if item.used and item.fact in tested}
    if lines:
        rows.append(_heading("heading.evidence", lang))
    rows += [_line(item, lang) for item in lines.values()]
    sources = [source for source in report.sources if source.id in remedy.sources]
    if sources:
        rows.append(_heading("heading.sources", lang))
    for source in sources:
        link = Style(link=source.url) if source.url.startswith(("https://", "http://")) else Style.null()
        rows.append(Text(f"• {source.title}", style=link) + Text(f" {source.url}".rstrip(), style="dim"))
    return rows


def _heading(key: str, lang: Lang) -> Text:
    return Text("\n" + word(key, lang), style="bold")


def _figures(remedy: RemedyReport, switch: Switch | None, lang: Lang) -> Text:
    entries = []
    if switch is not None and switch.setting:
        strength = f" ({switch.strength}/{switch.settings})" if switch.settings > 1 and switch.strength else ""
        entries.append(switch.setting + strength)
    if remedy.saves is not None and remedy.saves.expected > 0:
        low, high = format_gib(remedy.saves.low), format_gib(remedy.saves.high)
        alone = f"{word('column.saves', lang)} {format_gib(remedy.saves.expected)} ({low} ~ {high})"
        beside = None if switch is None else switch.saves
        if beside is not None and abs(beside - remedy.saves.expected) > DIFFERENT * remedy.saves.expected:
            alone = word("tui.alone", lang, alone=alone, gib=format_gib(beside))
        entries.append(alone)
    entries.append(f"{word('column.time', lang)} x{remedy.time_cost:.2f}")
    entries.append(f"{word('column.risk', lang)}: {word(f'risk.{remedy.quality_risk}', lang)}")
    entries.append(f"{word('column.effort', lang)}: {word(f'effort.{remedy.effort}', lang)}")
    return Text("\n".join(entries))


def _change(change: Change) -> list[Text]:
    rows = [Text(f"\n{change.framework}", style="dim")]
    rows += [Text(f"  {line}", style="bold") for line in change.text.split("\n")]
    if change.note:
        rows.append(Text(f"  {change.note}", style="dim"))
    return rows


def _line(item: Evidence, lang: Lang) -> Text:
    if not item.line:
        return Text(f"• {word('tui.stated', lang)}: {printable(item.quote)}")
    jump = Style(underline=True, meta={"@click": f"app.jump({item.line})"})
    return Text.assemble("• ", (word("line", lang, line=item.line), jump), f": {printable(item.quote)}")
