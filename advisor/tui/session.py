"""What the screen shows, without a screen: the text, the stated facts, the remedies switched on, and the way back."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from advisor.diagnosis import Case, Preferences, default_library, examine
from advisor.diagnosis.compose import compose
from advisor.diagnosis.questions import moves
from advisor.diagnosis.rewrite import Pasted, steps_of
from advisor.diagnosis.scenario import Scenario, assumed, conflict, preferred, scenario_of
from advisor.errors import InputError
from advisor.facts import FactValue, Lang, check_fact
from advisor.library import Library
from advisor.plan import peak_gib
from advisor.readers.document import Document
from advisor.readers.intake import read_document
from advisor.records import Edit
from advisor.report import Diagnosis, RemedyReport
from advisor.tui.switches import Switch, changes_in, listed, plain, stepped, switches
from advisor.units import format_gib
from advisor.wording import word

MAX_UNDO = 200
FIRST = frozenset({"model", "params_b", "hf_id"})  # one of them makes a description of a run
WHOLE = 500_000  # characters; of a longer text, the parts that matter are read
MAX_SHOWN_BYTES = 64 * 2**20  # of a larger file, only the parts that are read are shown


class State(Struct, frozen=True):
    """What undo goes back to: stated facts, the remedies that are on in the order in which they were switched on, and their settings."""

    stated: dict[str, FactValue] = field(default_factory=dict)
    chosen: tuple[str, ...] = ()
    edits: Mapping[str, Edit] = field(default_factory=dict)


class Session:
    """One exploration. `diagnose` and `read_file` are the slow steps (run them in a worker); everything else answers at once."""

    def __init__(self, library: Library | None = None, lang: Lang | None = None) -> None:
        self._library = library
        self.forced_lang: Lang | None = lang
        self.text: str | Document = ""
        self.state = State()
        self._undo: list[State] = []
        self._redo: list[State] = []
        self.case: Case | None = None
        self.report: Diagnosis | None = None
        self.now: Scenario | None = None  # with what is switched on
        self.base: Scenario | None = None  # the run as it is
        self.planned: Scenario | None = None  # with the cheapest plan applied
        self.kept: Scenario | None = None  # the scenario to compare with
        self.switches: tuple[Switch, ...] = ()
        self._moves: Mapping[str, float] = {}
        self._looked: tuple[Case, Pasted] | None = None  # where a case's text can be changed, looked up once

    @property
    def library(self) -> Library:
        """Rules and knowledge; the built-in packs are loaded when they are first needed."""
        if self._library is None:
            self._library = default_library()
        return self._library

    @property
    def lang(self) -> Lang:
        """The language of the screen: the chosen one, else that of the text."""
        if self.forced_lang is not None:
            return self.forced_lang
        return self.case.lang if self.case is not None else "en"

    @property
    def chosen(self) -> tuple[str, ...]:
        return self.state.chosen

    # --- the slow steps -----------------------------------------------------------------------------------------

    def work(self) -> Callable[[], Session]:
        """The slow step as a function of the present text and facts; give its result to `take` on the screen's thread."""
        twin = self.twin()
        twin.text, twin.state = self.text, self.state

        def diagnose() -> Session:
            twin.diagnose()
            return twin

        return diagnose

    def twin(self) -> Session:
        """A session of the same library and language without a text."""
        return type(self)(self._library, self.forced_lang)

    def diagnose(self) -> None:
        """Reads the text, runs the rules, and estimates. An empty text without stated facts has no diagnosis.

        Raises:
            AdvisorError: the packs have faults, or the engine failed.
        """
        if isinstance(self.text, str) and not self.text.strip() and not self.state.stated:
            self.case = self.report = self.now = self.base = self.planned = None
            self.switches = ()
            return
        self.case, self.report = self.examined()
        known = {remedy.id for remedy in listed(self.case, self.report)}
        # The settings were made for the run as it was described before; they are chosen again for the present one.
        chosen = tuple(name for name in self.chosen if name in known)
        self.state = replace(self.state, chosen=chosen, edits=self._edits(chosen))
        self._moves = _moves(self.case)
        self._refresh()

    def examined(self) -> tuple[Case, Diagnosis]:
        """The case of text and stated facts, and its report."""
        text = self.text
        if isinstance(text, str) and len(text) > WHOLE and text.strip():
            text = read_document(io.BytesIO(text.encode("utf-8", "replace")))
        case = self._examine(text, self.state.stated)
        if case.kind == "none" and not FIRST.isdisjoint(case.facts):
            # Nothing failed, but a run is described: whether it fits is what one explores.
            case = self._examine(text, {"failure_kind": "question", **self.state.stated})
        return case, compose(case)

    def _examine(self, text: str | Document, stated: Mapping[str, FactValue]) -> Case:
        lang = self.forced_lang or "auto"
        return examine(text, stated=stated, library=self.library, preferences=Preferences(), lang=lang)

    def take(self, other: Session) -> bool:
        """Takes over what `work` found; False when text or facts have changed since."""
        if other.state.stated != self.state.stated or (other.text is not self.text and other.text != self.text):
            return False
        self.case, self.report, self.state, self._moves = other.case, other.report, other.state, other._moves
        if self.case is not None and self.forced_lang not in (None, self.case.lang):
            self.set_lang(self.forced_lang or "en")
        self._refresh()
        return True

    # --- language, facts ----------------------------------------------------------------------------------------

    def set_lang(self, lang: Lang) -> None:
        """Puts everything into another language; nothing is read or estimated again."""
        self.forced_lang = lang
        if self.case is not None:
            self.case.lang = lang
            self.report = self.composed()
            self._refresh()

    def composed(self) -> Diagnosis | None:
        """The report of the present case in its language."""
        return None if self.case is None else compose(self.case)

    def set_fact(self, name: str, value: str) -> None:
        """States a fact; an empty value takes the statement back. The diagnosis is stale until `diagnose`.

        Raises:
            FactError: the fact can't have that value.
        """
        stated = dict(self.state.stated)
        if value.strip():
            stated[name] = check_fact(name, value)
        else:
            stated.pop(name, None)
        self._go(replace(self.state, stated=stated))

    def clear(self) -> None:
        """Begins anew: no text, no facts, nothing switched on. Undo brings the facts and switches back."""
        self.text = ""
        self.kept = None
        self._go(State())
        self.diagnose()

    # --- remedies -----------------------------------------------------------------------------------------------

    def toggle(self, remedy: str) -> str:
        """Switches a remedy on or off. Where it can't go with one that is on, nothing changes and the reason is returned."""
        if self.case is None:
            return ""
        if remedy in self.chosen:
            self._choose(tuple(name for name in self.chosen if name != remedy), self.state.edits)
            return ""
        reason = conflict(self.case, self.chosen, remedy)
        if reason:
            return reason
        edits = dict(self.state.edits)
        edit = preferred(self.case, self.now.words if self.now else self.case.specification.words, remedy)
        if edit is not None:
            edits[remedy] = edit
        self._choose((*self.chosen, remedy), edits)
        return ""

    def strengthen(self, remedy: str, by: int) -> bool:
        """Takes the next stronger (`by` 1) or milder (-1) setting of a remedy that is on; False when there is none."""
        if self.case is None or remedy not in self.chosen:
            return False
        edit = stepped(self.case, self.chosen, self.state.edits, remedy, by)
        if edit is None:
            return False
        self._choose(self.chosen, {**self.state.edits, remedy: edit})
        return True

    def apply_plan(self) -> str:
        """Switches exactly the remedies of the cheapest plan on, in its settings, or of the next plan where that is on already.

        Returns the name of the plan, empty when there is none.
        """
        plans = self.case.outcome.plans if self.case is not None else ()
        if not plans:
            return ""
        steps = [tuple(step.remedy.id for step in plan.steps) for plan in plans]
        index = (steps.index(self.chosen) + 1) % len(plans) if self.chosen in steps else 0
        self._choose(steps[index], {step.remedy.id: step.edit for step in plans[index].steps})
        return plans[index].name

    @property
    def plan_name(self) -> str:
        """The name of the plan that is on, empty when what is on is none."""
        plans = self.case.outcome.plans if self.case is not None else ()
        return next((plan.name for plan in plans if tuple(step.remedy.id for step in plan.steps) == self.chosen), "")

    def reset(self) -> None:
        """Switches all remedies off."""
        if self.chosen:
            self._choose((), {})

    def preview(self, remedy: str) -> Scenario | None:
        """What is on, and this remedy; None where it is on, can't go with them, or changes nothing that is estimated."""
        switch = next((item for item in self.switches if item.id == remedy), None)
        if self.case is None or switch is None or switch.on or switch.blocked or abs(switch.saves or 0.0) < 0.005:
            return None
        return scenario_of(self.case, (*self.chosen, remedy), self.state.edits)

    @property
    def after(self) -> Scenario | None:
        """The scenario that the run as it is is compared with: what is on, else what was kept, else the plan."""
        return self.now if self.chosen else self.kept or self.planned

    def keep(self) -> None:
        """Keeps the present scenario to compare later ones with; keeping twice forgets the first."""
        self.kept = self.now

    # --- the way back -------------------------------------------------------------------------------------------

    def undo(self) -> bool:
        """One step back; False at the beginning. Where stated facts changed, the diagnosis is stale until `diagnose`."""
        return self._travel(self._undo, self._redo)

    def redo(self) -> bool:
        """One step forward again; False when there is none."""
        return self._travel(self._redo, self._undo)

    def _travel(self, source: list[State], target: list[State]) -> bool:
        if not source:
            return False
        target.append(self.state)
        self.state = source.pop()
        self._refresh()
        return True

    def _choose(self, chosen: tuple[str, ...], edits: Mapping[str, Edit]) -> None:
        self._go(replace(self.state, chosen=chosen, edits={name: edits[name] for name in chosen if name in edits}))
        self._refresh()

    def _go(self, state: State) -> None:
        self._undo.append(self.state)
        del self._undo[:-MAX_UNDO]
        self._redo.clear()
        self.state = state

    def _edits(self, chosen: tuple[str, ...]) -> dict[str, Edit]:
        edits: dict[str, Edit] = {}
        for index, name in enumerate(chosen):
            if self.case is not None:
                before = scenario_of(self.case, chosen[:index], edits)
                edit = preferred(self.case, before.words, name)
                if edit is not None:
                    edits[name] = edit
        return edits

    def _refresh(self) -> None:
        case, report = self.case, self.report
        if case is None or report is None:
            self.now = self.base = self.planned = None
            self.switches = ()
            return
        self.base = scenario_of(case, ())
        self.now = scenario_of(case, self.chosen, self.state.edits) if self.chosen else self.base
        plan = next(iter(case.outcome.plans), None)
        steps = {step.remedy.id: step.edit for step in plan.steps} if plan is not None else {}
        self.planned = scenario_of(case, tuple(steps), steps) if steps else None
        self.switches = switches(case, report, self.chosen, self.state.edits)

    def moves(self) -> dict[str, str]:
        """For each unknown fact that matters, in words what knowing it would change."""
        found = {name: word("tui.moves", self.lang, gib=format_gib(gib)) for name, gib in self._moves.items()}
        for question in self.report.questions if self.report is not None else ():
            found.setdefault(question.fact, question.why or question.text)
        return found

    # --- what is taken away -------------------------------------------------------------------------------------

    def remedy(self, name: str) -> RemedyReport | None:
        """All that is known of a listed remedy; the changes of one that is on are those of its present setting."""
        if self.case is None or self.report is None:
            return None
        found = next((item for item in listed(self.case, self.report) if item.id == name), None)
        if found is None or self.now is None or name not in self.now.steps:
            return found
        changes = changes_in(self.case, self.now, self.state.edits, name, self.pasted(self.case))
        return replace(found, changes=changes)

    def pasted(self, case: Case) -> Pasted:
        """Where the text of a case can be changed, looked up once."""
        if self._looked is None or self._looked[0] is not case:
            self._looked = (case, Pasted(case))
        return self._looked[1]

    def value_of(self, fact: str) -> str:
        """The value of a fact as one types it: stated, read, or assumed; empty when it is not known."""
        report = self.report
        guessed = report.estimate.assumed if report is not None and report.estimate is not None else {}
        known: dict[str, FactValue] = {**guessed, **(report.facts if report is not None else {}), **self.state.stated}
        return plain(known[fact]) if fact in known else ""

    def line_of(self, remedy: str) -> int:
        """The first line of the text that the rules behind a remedy rest on; 0 when there is none."""
        found, report = self.remedy(remedy), self.report
        if found is None or report is None:
            return 0
        rules = [step for step in report.trace if step.rule in found.rules]
        tested = {condition.split(" ", 1)[0] for step in rules for condition in step.conditions}
        lines = [item.line for item in report.evidence if item.used and item.line and item.fact in tested]
        return min(lines, default=0)

    def changes_text(self) -> str:
        """The changed command or the exact changes of what is switched on; of the cheapest plan, or the first remedy, when nothing is."""
        if self.case is None or self.report is None:
            return ""
        scenario = self.now if self.chosen else self.planned
        if scenario is None:
            first = self.report.remedies[:1]
            scenario = scenario_of(self.case, [remedy.id for remedy in first])
        steps = steps_of(self.case, scenario.steps, self.state.edits if self.chosen else self._planned_edits())
        return self.pasted(self.case).rewrite(steps).text()

    def _planned_edits(self) -> dict[str, Edit]:
        plan = next(iter(self.case.outcome.plans), None) if self.case is not None else None
        return {step.remedy.id: step.edit for step in plan.steps} if plan is not None else {}


def _moves(case: Case) -> dict[str, float]:
    if case.estimate is None:
        return {}
    found = moves(case.facts, assumed(case), case.specification.words, lambda words: peak_gib(case.estimated(words)))
    return {name: gib for gib, name in found}


def read_file(path: Path) -> str | Document:
    """The text of a file; of a very large one, the parts that are read, as a document.

    Raises:
        InputError: no such file, a folder, no permission, no text.
    """
    try:
        with path.open("rb") as stream:
            if path.stat().st_size > MAX_SHOWN_BYTES:
                return read_document(stream)
            data = stream.read(MAX_SHOWN_BYTES)
            document = read_document(io.BytesIO(data))
    except InputError as error:
        raise InputError(error.message, place=str(path), hint=error.hint) from None
    except OSError as error:
        raise InputError(error.strerror or str(error), place=str(path)) from None
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "\n".join(line.raw for line in document.lines)
    return data.decode("utf-8-sig", "replace")
