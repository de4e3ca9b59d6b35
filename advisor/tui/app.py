"""The screen: paste, read, switch a remedy on, watch the bar move."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Footer, Static, TabbedContent, TabPane, TextArea
from textual.worker import Worker, get_current_worker

from advisor.diagnosis.scenario import Scenario
from advisor.errors import AdvisorError
from advisor.facts import Lang
from advisor.render.markdown import render_markdown
from advisor.tui.pages import changes_text, compare_page, help_page
from advisor.tui.screens.edit_fact import EditFact
from advisor.tui.screens.open_file import AskPath
from advisor.tui.screens.text import TextPage
from advisor.tui.session import Session
from advisor.tui.widgets.facts import FactsTable
from advisor.tui.widgets.log import LogArea
from advisor.tui.widgets.memory import Bar, MemoryView
from advisor.tui.widgets.remedies import RemedyList
from advisor.tui.widgets.why import WhyView
from advisor.wording import word

MAX_FILE = 2**31
TABS = ("text", "facts", "remedies", "why")


class AdvisorApp(App[None]):
    """The terminal interface; make it with `make_app`."""

    CSS_PATH = "advisor.tcss"
    TITLE = "advisor"
    ENABLE_COMMAND_PALETTE = True
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012 - Textual's class variable
    BINDINGS = [  # noqa: RUF012 - Textual's class variable
        Binding("ctrl+r", "diagnose", "Diagnose", priority=True),
        Binding("ctrl+o", "open", "Open", priority=True),
        Binding("f1", "help", "Help", priority=True),
        Binding("f2", "language", "中文/English", priority=True),
        Binding("f3", "theme", "Light/dark", priority=True, show=False),
        Binding("f4", "tab('text')", "Text", priority=True, show=False),
        Binding("f5", "tab('facts')", "Facts", priority=True, show=False),
        Binding("f6", "tab('remedies')", "Remedies", priority=True, show=False),
        Binding("f7", "tab('why')", "Why", priority=True, show=False),
        Binding("p", "plan", "Plan"),
        Binding("u", "undo", "Undo"),
        Binding("U", "redo", "Redo", show=False),
        Binding("x", "reset", "Reset"),
        Binding("k", "keep", "Keep", show=False),
        Binding("c", "compare", "Compare"),
        Binding("n", "numbers", "Numbers", show=False),
        Binding("h", "phases", "Phases", show=False),
        Binding("y", "copy('changes')", "Copy"),
        Binding("m", "copy('markdown')", "Copy Markdown", show=False),
        Binding("j", "copy('json')", "Copy JSON", show=False),
        Binding("s", "save", "Save", show=False),
        Binding("escape", "cancel", "Cancel", show=False),
    ]

    class Diagnosed(Message):
        """A worker has finished; `error` is empty when it went well."""

        def __init__(self, found: Session, error: str = "") -> None:
            super().__init__()
            self.found = found
            self.error = error

    def __init__(self, session: Session, path: Path | None = None, *, dark: bool = True) -> None:
        super().__init__()
        self.session = session
        self._path = path
        self._dark = dark
        self._worker: Worker[None] | None = None

    # --- the screen ---------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        yield Static(id="verdict")
        yield MemoryView(id="memory")
        with Horizontal(id="body"):
            with TabbedContent(id="tabs", initial="text"):
                with TabPane("Text", id="text"):
                    yield LogArea(id="log")
                with TabPane("Facts", id="facts"):
                    yield FactsTable(id="facts-table")
                with TabPane("Remedies", id="remedies"):
                    yield RemedyList(id="remedy-list")
                with TabPane("Why", id="why"):
                    yield WhyView(id="why-view")
            yield WhyView(id="why-side")
        yield Footer()

    def on_mount(self) -> None:
        self.theme = "textual-dark" if self._dark else "textual-light"
        self.query_one(LogArea).focus()
        if self._path is not None:
            self.load_file(self._path)
        elif self.session.text:
            self.query_one(LogArea).set_content(self.session.text)
            self.action_diagnose()
        self.show_all()

    def w(self, key: str, **values: object) -> str:
        return word(key, self.session.lang, **values)

    def show_all(self) -> None:
        """Draws everything from the session."""
        session, report, lang = self.session, self.session.report, self.session.lang
        tabs = self.query_one(TabbedContent)
        for name in TABS:
            tabs.get_tab(name).label = self.w(f"tui.tab.{name}")
        verdict = Text(report.verdict if report else self.w("tui.welcome"), style="bold")
        self.query_one("#verdict", Static).update(verdict)
        self.query_one(FactsTable).show(report, session.state.stated, lang)
        self.show_remedies()

    def show_remedies(self) -> None:
        """Draws what a switch changes: the bars, the list, the reasons."""
        session, report = self.session, self.session.report
        remedies = self.query_one(RemedyList)
        remedies.show(report, session.chosen, session.lang)
        self.show_memory()
        for view in self.query(WhyView):
            view.show(report, remedies.current())

    def show_memory(self) -> None:
        """Draws the bars: now, with what is switched on, kept, and the plan."""
        session, report = self.session, self.session.report
        bars: list[Bar] = []
        capacity, card = None, self.w("this_card")
        if report is not None and report.estimate is not None:
            estimate = report.estimate
            capacity = estimate.capacity_gib
            card = str(report.facts.get("gpu_name") or card)
            phases = dict(session.case.estimate.phases) if session.case and session.case.estimate else {}
            parts = {component.id: component.gib for component in estimate.components}
            bars.append(Bar(self.w("tui.now"), parts, estimate.need_low_gib, estimate.need_high_gib, phases))
            if session.chosen and session.now is not None:
                bars += self._bar("tui.chosen", session.now)
            if session.planned is not None and session.planned.steps != session.chosen:
                bars += self._bar("tui.planned", session.planned)
            if session.kept is not None and session.kept is not session.now:
                bars += self._bar("tui.kept", session.kept)
        self.query_one(MemoryView).set_bars(bars, capacity, card, session.lang)

    def _bar(self, key: str, scenario: Scenario) -> list[Bar]:
        if scenario.estimate is None:
            return []
        label = self.w(key, count=len(scenario.steps))
        return [
            Bar(
                label, scenario.parts(), scenario.estimate.low_gib, scenario.estimate.high_gib, scenario.estimate.phases
            )
        ]

    # --- reading ------------------------------------------------------------------------------------------------

    def load_file(self, path: Path) -> None:
        """Opens a log; what is wrong with the path is shown."""
        try:
            if path.stat().st_size > MAX_FILE:
                self.notify(self.w("tui.too_large"), severity="error")
                return
            text = path.read_bytes().decode("utf-8", "replace")
        except OSError as error:
            self.notify(f"{path}: {error.strerror}", severity="error", markup=False)
            return
        self.query_one(LogArea).set_content(text)
        self.action_diagnose()

    def action_diagnose(self) -> None:
        """Reads the text and runs the rules in a worker; Esc cancels."""
        self.session.text = self.query_one(LogArea).content
        self.query_one("#verdict", Static).update(Text(self.w("tui.working"), style="italic"))
        self._worker = self._diagnose(self.session.work())

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _diagnose(self, step: Callable[[], Session]) -> None:
        worker = get_current_worker()
        try:
            found, error = step(), ""
        except AdvisorError as failure:
            found, error = self.session, str(failure)
        if not worker.is_cancelled:
            self.post_message(self.Diagnosed(found, error))

    def on_advisor_app_diagnosed(self, event: Diagnosed) -> None:
        self._worker = None
        if event.error:
            self.notify(event.error, severity="error", markup=False, timeout=10)
        else:
            self.session.take(event.found)
        self.show_all()
        if self.session.report is not None and self.query_one(TabbedContent).active == "text":
            self.action_tab("remedies")

    def action_cancel(self) -> None:
        if self._worker is not None:
            self._worker.cancel()
            self._worker = None
            self.show_all()
            self.notify(self.w("tui.cancelled"))

    def on_log_area_attached(self, event: LogArea.Attached) -> None:
        self.notify(self.w("tui.attached", size=f"{event.size / 1e6:.1f}", lines=f"{event.lines:,}"))
        self.action_diagnose()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        event.stop()

    # --- facts --------------------------------------------------------------------------------------------------

    def on_facts_table_edit(self, event: FactsTable.Edit) -> None:
        report = self.session.report
        known = report.facts.get(event.fact, "") if report else ""
        value = (
            ",".join(known)
            if isinstance(known, list)
            else str(known).lower()
            if isinstance(known, bool)
            else str(known)
        )

        def stated(answer: str | None) -> None:
            if answer is None:
                return
            self.session.set_fact(event.fact, answer)
            self.action_diagnose()

        self.push_screen(EditFact(event.fact, value, self.session.library, self.session.lang), stated)

    def on_facts_table_jump(self, event: FactsTable.Jump) -> None:
        self.action_tab("text")
        self.query_one(LogArea).go_to_line(event.line)

    # --- remedies -----------------------------------------------------------------------------------------------

    def on_remedy_list_toggled(self, event: RemedyList.Toggled) -> None:
        reason = self.session.toggle(event.remedy)
        if reason:
            self.notify(reason, severity="warning", markup=False)
        self.show_remedies()

    def on_remedy_list_looked(self, event: RemedyList.Looked) -> None:
        for view in self.query(WhyView):
            view.show(self.session.report, event.remedy)

    def action_plan(self) -> None:
        if not self.session.apply_plan():
            self.notify(self.w("tui.no_plan"), severity="warning")
        self.show_remedies()

    def action_reset(self) -> None:
        self.session.reset()
        self.show_remedies()

    def action_undo(self) -> None:
        self._travelled(self.session.undo)

    def action_redo(self) -> None:
        self._travelled(self.session.redo)

    def _travelled(self, step: Callable[[], bool]) -> None:
        before = self.session.state.stated
        if not step():
            self.notify(self.w("tui.no_step"))
        elif self.session.state.stated != before:
            self.action_diagnose()
        else:
            self.show_remedies()

    def action_keep(self) -> None:
        self.session.keep()
        self.show_memory()
        self.notify(self.w("tui.kept_now"))

    def action_compare(self) -> None:
        self.push_screen(TextPage(compare_page(self.session)))

    # --- the view -----------------------------------------------------------------------------------------------

    def action_numbers(self) -> None:
        view = self.query_one(MemoryView)
        view.show_numbers = not view.show_numbers
        view.redraw()

    def action_phases(self) -> None:
        view = self.query_one(MemoryView)
        view.show_phases = not view.show_phases
        view.redraw()

    def action_tab(self, name: str) -> None:
        self.query_one(TabbedContent).active = name
        focus = {"text": LogArea, "facts": FactsTable, "remedies": RemedyList}.get(name)
        if focus is not None:
            self.query_one(focus).focus()

    def action_language(self) -> None:
        lang: Lang = "en" if self.session.lang == "zh" else "zh"
        self.session.forced_lang = lang
        if self.session.report is not None:
            self.action_diagnose()
        self.show_all()

    def action_theme(self) -> None:
        self._dark = not self._dark
        self.theme = "textual-dark" if self._dark else "textual-light"

    def action_help(self) -> None:
        self.push_screen(TextPage(help_page(self.session.lang)))

    # --- taking it away -----------------------------------------------------------------------------------------

    def action_copy(self, what: str) -> None:
        """Puts the changes, the Markdown or the JSON on the clipboard (OSC 52)."""
        text = self._export(what)
        if text:
            self.copy_to_clipboard(text)
            self.notify(self.w("tui.copied"))

    def _export(self, what: str) -> str:
        report = self.session.report
        if report is None:
            return ""
        if what == "markdown":
            return render_markdown(report)
        if what == "json":
            return json.dumps(report.as_json(), ensure_ascii=False, indent=1)
        return changes_text(self.session)

    def action_save(self) -> None:
        """Writes the report: the ending of the name decides, .md or .json, else the changes."""

        def save(path: str | None) -> None:
            if path is None:
                return
            what = {".md": "markdown", ".json": "json"}.get(Path(path).suffix, "changes")
            try:
                Path(path).expanduser().write_text(self._export(what), encoding="utf-8")
            except OSError as error:
                self.notify(f"{path}: {error.strerror}", severity="error", markup=False)
                return
            self.notify(self.w("tui.saved", path=path), markup=False)

        if self.session.report is not None:
            self.push_screen(AskPath(self.w("tui.save_as"), "advisor.md"), save)

    def action_open(self) -> None:
        def load(path: str | None) -> None:
            if path is not None:
                self.load_file(Path(path).expanduser())

        self.push_screen(AskPath(self.w("tui.open")), load)
