"""Why a remedy is advised: its reason, the exact changes, the rules with their conditions, the lines, the documents."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text
from textual.containers import VerticalScroll
from textual.widgets import Static

from advisor.report import Diagnosis, RemedyReport
from advisor.wording import word


class WhyView(VerticalScroll):
    """The reasons behind one remedy, or behind the whole diagnosis when none is selected."""

    def compose(self) -> object:  # type: ignore[override]
        yield Static(id="why-text")

    def show(self, report: Diagnosis | None, remedy: str) -> None:
        """Shows the remedy of that id, or the causes when there is none."""
        body = self.query_one("#why-text", Static)
        if report is None:
            body.update("")
            return
        found = next((item for item in report.remedies if item.id == remedy), None)
        body.update(_remedy(report, found) if found else _causes(report))


def _causes(report: Diagnosis) -> RenderableType:
    rows: list[RenderableType] = [Text(report.verdict, style="bold")]
    for cause in report.causes:
        rows.append(Text(f"• {cause.title} ({cause.confidence:.0%}): {cause.because}"))
    return Group(*rows)


def _remedy(report: Diagnosis, remedy: RemedyReport) -> RenderableType:
    lang = report.lang
    rows: list[RenderableType] = [Text(remedy.title, style="bold"), Text(remedy.what)]
    if remedy.because:
        rows.append(Text(remedy.because, style="italic"))
    for change in remedy.changes:
        rows.append(Text(f"\n{change.framework}", style="dim"))
        rows.append(Text(change.text, style="cyan"))
        if change.note:
            rows.append(Text(change.note, style="dim"))
    steps = [step for step in report.trace if step.rule in remedy.rules]
    if steps:
        rows.append(Text("\n" + word("heading.trace", lang), style="bold"))
    tested: set[str] = set()
    for step in steps:
        rows.append(Text(f"{step.rule}: {'; '.join(step.conditions)}"))
        tested |= {condition.split(" ", 1)[0] for condition in step.conditions}
    lines = [item for item in report.evidence if item.used and item.fact in tested]
    if lines:
        rows.append(Text("\n" + word("heading.evidence", lang), style="bold"))
    for item in lines:
        place = word("line", lang, line=item.line) if item.line else word("stated_option", lang)
        rows.append(Text(f"{place}: {item.quote}", style="dim"))
    sources = [source for source in report.sources if source.id in remedy.sources]
    if sources:
        rows.append(Text("\n" + word("heading.sources", lang), style="bold"))
    rows += [Text(f"{source.title} {source.url}".rstrip(), style="dim") for source in sources]
    return Group(*rows)
