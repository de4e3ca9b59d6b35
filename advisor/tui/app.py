"""The screen: paste, read, switch a remedy on, watch the bar move."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from rich.text import Text
from textual import events, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static, TabbedContent, TabPane, TextArea
from textual.worker import Worker, get_current_worker

from advisor.diagnosis.scenario import correction
from advisor.errors import AdvisorError, FactError
from advisor.facts import Lang, spec_of
from advisor.readers.document import Document
from advisor.tui.base import BaseApp
from advisor.tui.messages import Diagnosed, Loaded
from advisor.tui.pages import scenarios
from advisor.tui.screens.edit_fact import EditFact
from advisor.tui.session import Session, read_file
from advisor.tui.widgets.facts import FactsTable
from advisor.tui.widgets.keybar import KeyBar
from advisor.tui.widgets.log import LogPane, Pasted
from advisor.tui.widgets.memory import MemoryView, Row
from advisor.tui.widgets.remedies import RemedyList, RemedyOptions
from advisor.tui.widgets.why import WhyView

TABS = ("text", "facts", "remedies", "why")
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class AdvisorApp(BaseApp):
    """The terminal interface; make it with `make_app`."""

    def __init__(self, session: Session, path: Path | None = None, *, dark: bool = True) -> None:
        super().__init__(session)
        self._path = path
        self._dark = dark
        self._worker: Worker[None] | None = None
        self._clock: Timer | None = None
        self._began = 0.0

    # --- the screen ---------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        yield Static(id="verdict")
        yield Static(id="status")
        with VerticalScroll(id="memory-box", can_focus=False):
            yield MemoryView(id="memory")
        with Horizontal(id="body"):
            with TabbedContent(id="tabs", initial="text"):
                with TabPane("", id="text"):
                    yield LogPane(id="log")
                with TabPane("", id="facts"), Vertical(id="facts-box"):
                    yield FactsTable(id="facts-table")
                    yield Static(id="fact-about", markup=False)
                with TabPane("", id="remedies"):
                    yield RemedyList(id="remedy-list")
                with TabPane("", id="why"):
                    yield WhyView(id="why-view")
            yield WhyView(id="why-side")
        yield KeyBar(self.w)

    def on_mount(self) -> None:
        self.theme = "textual-dark" if self._dark else "textual-light"
        self.log_pane.take_focus()
        self.show_all()
        if self._path is not None:
            self.load_file(self._path)
        elif self.session.text:
            self.take_text(self.session.text)

    @property
    def log_pane(self) -> LogPane:
        """The text."""
        return self.ground.query_one(LogPane)

    @property
    def busy(self) -> bool:
        """Whether a worker is under way."""
        return self._worker is not None

    def show_all(self) -> None:
        """Draws everything from the session."""
        session, screen = self.session, self.ground
        tabs = screen.query_one(TabbedContent)
        for index, name in enumerate(TABS):
            tabs.get_tab(name).label = f"{self.w(f'tui.tab.{name}')} F{index + 4}"
        editor = self.log_pane.editor
        editor.placeholder = self.w("tui.placeholder")
        verdict = session.report.verdict if session.report else self.w("tui.welcome")
        screen.query_one("#verdict", Static).update(Text(verdict, style="bold"))
        screen.query_one(FactsTable).show(session.report, session.state.stated, session.moves(), session.lang)
        lines = {item.line for item in session.report.evidence if item.used} if session.report else set()
        self.log_pane.mark(lines)
        self.show_remedies()
        self.show_status()
        self.refresh_bindings()

    def show_remedies(self) -> None:
        """Draws what a switch changes: the bars, the list, the reasons."""
        remedies, session = self.ground.query_one(RemedyList), self.session
        empty = "tui.no_remedies" if session.report is None else "no_remedy"
        remedies.show(session.switches, self._summary(), session.lang, self.w(empty))
        self.show_memory()
        self.show_why(remedies.current())

    def show_memory(self) -> None:
        """Draws the bars: now, kept, with what is switched on, with the remedy under the cursor, and with the plan."""
        session = self.session
        rows = [Row(label, scenario) for label, scenario in scenarios(session)]
        preview = None
        if self.ground.query_one(TabbedContent).active in ("remedies", "why"):
            preview = session.preview(self.ground.query_one(RemedyList).current())
        if preview is not None and rows:
            rows.insert(len(rows) - (rows[-1].scenario is session.planned), Row(self.w("tui.with"), preview))
        card = str(session.report.facts.get("gpu_name") or self.w("this_card")) if session.report else ""
        scale = correction(session.case) if session.case is not None else 1.0
        empty = self.w("tui.no_estimate" if session.report is None or session.case else "tui.welcome")
        self.ground.query_one(MemoryView).show(
            rows, card, session.lang, correction=scale, empty=empty, after=session.after
        )

    def show_why(self, remedy: str) -> None:
        """Draws the reasons of a remedy, or of the diagnosis."""
        session = self.session
        found = session.remedy(remedy)
        switch = next((item for item in session.switches if item.id == remedy), None)
        for view in self.ground.query(WhyView):
            view.show(session.report, found, switch)

    def _summary(self) -> str:
        now = self.session.now
        if not self.session.chosen or now is None:
            return ""
        over = now.peak_gib is not None and now.capacity_gib is not None and now.peak_gib > now.capacity_gib
        fits = "" if now.fits is None else self.w("tui.fits" if now.fits else "tui.over_it" if over else "tui.fits_not")
        text = self.w("tui.summary", count=len(now.steps), time=f"{now.time_factor:.2f}", fits=fits)
        name = self.session.plan_name
        return text + (self.w("tui.plan_on", name=self.w(f"plan.{name}")) if name else "")

    def show_status(self) -> None:
        """Draws whether something is under way, or the text is newer than the diagnosis."""
        status = self.ground.query_one("#status", Static)
        busy = self.busy
        stale = not busy and self.session.report is not None and self._text_changed()
        status.set_class(busy, "-busy").set_class(stale, "-stale")
        if busy:
            seconds = time.monotonic() - self._began
            spinner = SPINNER[int(seconds * 10) % len(SPINNER)]
            status.update(Text(f"{spinner} {self.w('tui.working')} {seconds:.1f} s", no_wrap=True))
        elif stale:
            status.update(Text(self.w("tui.stale"), no_wrap=True))

    def _text_changed(self) -> bool:
        content = self.log_pane.content
        return content is not self.session.text and content != self.session.text

    # --- reading ------------------------------------------------------------------------------------------------

    def take_text(self, text: str | Document) -> None:
        """Shows a text and reads it."""
        self.log_pane.set_content(text)
        self.action_diagnose()

    def on_pasted(self, event: Pasted) -> None:
        self.take_text(event.text)

    def on_paste(self, event: events.Paste) -> None:
        """A paste elsewhere than into a field is a new text."""
        if not self.covered and event.text.strip():
            self.take_text(event.text)

    def load_file(self, path: Path) -> None:
        """Opens a log in a worker; what is wrong with the path is shown."""
        self._begin(self._load(path))

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _load(self, path: Path) -> None:
        worker = get_current_worker()
        message = Loaded(None, "")
        try:
            message.text = read_file(path)
        except (AdvisorError, OSError, ValueError, MemoryError) as failure:
            message.error = str(failure) or type(failure).__name__
        if not worker.is_cancelled:
            self.post_message(message)

    def on_loaded(self, event: Loaded) -> None:
        self._end()
        if event.text is None:
            self.notify(event.error, severity="error", markup=False, timeout=10)
            self.show_status()
        else:
            self.take_text(event.text)

    def action_diagnose(self) -> None:
        """Reads the text and runs the rules in a worker; Esc cancels."""
        self.session.text = self.log_pane.content
        self._begin(self._diagnose(self.session.work()))

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _diagnose(self, step: Callable[[], Session]) -> None:
        worker = get_current_worker()
        message = Diagnosed(None, "")
        try:
            message.found = step()
        except Exception as failure:  # whatever a reader trips over: the screen stays, the person is told
            message.error = (
                str(failure) if isinstance(failure, AdvisorError) else f"{type(failure).__name__}: {failure}"
            )
        if not worker.is_cancelled:
            self.post_message(message)

    def on_diagnosed(self, event: Diagnosed) -> None:
        if event.found is not None and not self.session.take(event.found):
            return  # a later worker reads what has changed since
        self._end()
        if event.found is None:
            self.notify(event.error, severity="error", markup=False, timeout=10)
        self.show_all()
        tabs = self.ground.query_one(TabbedContent)
        if self.session.switches and tabs.active == "text" and not self.covered and event.found is not None:
            self.action_tab("remedies")

    def _begin(self, worker: Worker[None]) -> None:
        self._worker, self._began = worker, time.monotonic()
        if self._clock is None:
            self._clock = self.set_interval(0.1, self.show_status)
        self.show_status()

    def _end(self) -> None:
        self._worker = None
        if self._clock is not None:
            self._clock.stop()
            self._clock = None

    def action_cancel(self) -> None:
        if self._worker is not None:
            self._worker.cancel()
            self._end()
            self.show_status()
            self.notify(self.w("tui.cancelled"))
        elif self.log_pane.editor.has_focus:
            self.ground.query_one("ContentTabs").focus()

    def action_new(self) -> None:
        """Empties everything."""
        if self._worker is not None:
            self._worker.cancel()
            self._end()
        self.log_pane.set_content("")
        self.session.clear()
        self.show_all()
        self.action_tab("text")

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        event.stop()
        self.show_status()

    # --- facts --------------------------------------------------------------------------------------------------

    def on_facts_table_edit(self, event: FactsTable.Edit) -> None:
        fact = event.fact

        def stated(answer: str | None) -> None:
            if answer is not None:
                self._state(fact, answer)

        value = self.session.value_of(fact)
        self.push_screen(EditFact(fact, value, self.session.library, self.session.lang, event.row), stated)

    def on_facts_table_forget(self, event: FactsTable.Forget) -> None:
        if event.fact in self.session.state.stated:
            self._state(event.fact, "")

    def _state(self, fact: str, value: str) -> None:
        try:
            self.session.set_fact(fact, value)
        except FactError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        self.show_all()
        self.action_diagnose()

    def on_facts_table_jump(self, event: FactsTable.Jump) -> None:
        if event.line:
            self.action_jump(event.line)
        else:
            self.tell("tui.no_line")

    def on_facts_table_looked(self, event: FactsTable.Looked) -> None:
        about = f"{event.fact}: {spec_of(event.fact).describe(self.session.lang)}" if event.fact else ""
        self.ground.query_one("#fact-about", Static).update(about)

    def action_jump(self, line: int) -> None:
        """Shows a line of the text."""
        self.action_tab("text")
        self.log_pane.go_to_line(line)

    # --- remedies -----------------------------------------------------------------------------------------------

    def on_remedy_list_toggled(self, event: RemedyList.Toggled) -> None:
        reason = self.session.toggle(event.remedy)
        if reason:
            self.notify(reason, severity="warning", markup=False)
        self.show_remedies()

    def on_remedy_options_strengthened(self, event: RemedyOptions.Strengthened) -> None:
        if self.session.strengthen(event.remedy, event.by):
            self.show_remedies()
        else:
            self.tell("tui.no_setting" if event.remedy in self.session.chosen else "tui.not_on")

    def on_remedy_options_jump(self, event: RemedyOptions.Jump) -> None:
        line = self.session.line_of(event.remedy)
        if line:
            self.action_jump(line)
        else:
            self.tell("tui.no_line")

    def on_remedy_list_looked(self, event: RemedyList.Looked) -> None:
        self.show_memory()
        self.show_why(event.remedy)

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
            self.tell("tui.no_step")
        elif self.session.state.stated != before:
            self.show_all()
            self.action_diagnose()
        else:
            self.show_remedies()

    def action_keep(self) -> None:
        self.session.keep()
        self.show_memory()
        self.tell("tui.kept_now")

    # --- the view -----------------------------------------------------------------------------------------------

    def action_numbers(self) -> None:
        self.ground.query_one(MemoryView).set_mode("numbers")

    def action_phases(self) -> None:
        self.ground.query_one(MemoryView).set_mode("phases")

    def action_tab(self, name: str) -> None:
        if self.covered:
            return
        self.ground.query_one(TabbedContent).active = name
        focus: dict[str, Callable[[], object]] = {
            "text": self.log_pane.take_focus,
            "facts": self.ground.query_one(FactsTable).focus,
            "remedies": self.ground.query_one(RemedyOptions).focus,
            "why": self.ground.query_one("#why-view", Widget).focus,
        }
        focus[name]()

    def on_tabbed_content_tab_activated(self) -> None:
        self.show_memory()

    def action_language(self) -> None:
        lang: Lang = "en" if self.session.lang == "zh" else "zh"
        self.session.set_lang(lang)
        self.show_all()
        self.ground.query_one(KeyBar).refresh(recompose=True)

    def action_theme(self) -> None:
        self._dark = not self._dark
        self.theme = "textual-dark" if self._dark else "textual-light"
        self.ground.query_one(MemoryView).redraw()
