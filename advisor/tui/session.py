"""What the screen shows, without a screen: the text, the stated facts, the remedies switched on, and the way back."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct, field
from msgspec.structs import replace

from advisor.diagnosis import Case, Preferences, default_library, examine
from advisor.diagnosis.compose import compose
from advisor.diagnosis.scenario import Scenario, conflict, scenario_of
from advisor.facts import FactValue, Lang, check_fact
from advisor.library import Library
from advisor.report import Diagnosis

MAX_UNDO = 200


class State(Struct, frozen=True):
    """What undo goes back to: stated facts and the remedies that are on, in the order in which they were switched on."""

    stated: dict[str, FactValue] = field(default_factory=dict)
    chosen: tuple[str, ...] = ()


class Session:
    """One exploration. `diagnose` is the slow step (run it in a worker); everything else answers at once."""

    def __init__(self, library: Library | None = None, lang: Lang | None = None) -> None:
        self.library = library or default_library()
        self.forced_lang: Lang | None = lang
        self.text = ""
        self.state = State()
        self._undo: list[State] = []
        self._redo: list[State] = []
        self.case: Case | None = None
        self.report: Diagnosis | None = None
        self.now: Scenario | None = None
        self.planned: Scenario | None = None  # with the cheapest plan applied
        self.kept: Scenario | None = None  # the scenario to compare with

    @property
    def lang(self) -> Lang:
        """The language of the screen: the chosen one, else that of the text."""
        if self.forced_lang is not None:
            return self.forced_lang
        return self.case.lang if self.case is not None else "en"

    @property
    def chosen(self) -> tuple[str, ...]:
        return self.state.chosen

    def work(self) -> Callable[[], Session]:
        """The slow step as a function of the present text and facts; give its result to `take` on the screen's thread."""
        twin = Session(self.library, self.forced_lang)
        twin.text, twin.state = self.text, self.state

        def diagnose() -> Session:
            twin.diagnose()
            return twin

        return diagnose

    def take(self, other: Session) -> None:
        """Takes over what `work` found, unless text or facts have changed since."""
        if other.text == self.text and other.state.stated == self.state.stated:
            self.case, self.report = other.case, other.report
            known = {remedy.id for remedy in self.report.remedies} if self.report else set()
            self.state = replace(self.state, chosen=tuple(name for name in self.chosen if name in known))
            self._refresh()

    def diagnose(self) -> None:
        """Reads the text, runs the rules, and estimates. An empty text without stated facts has no diagnosis."""
        if not self.text.strip() and not self.state.stated:
            self.case = self.report = self.now = None
            return
        self.case = examine(
            self.text,
            stated=self.state.stated,
            library=self.library,
            preferences=Preferences(),
            lang=self.forced_lang or "auto",
        )
        self.report = compose(self.case)
        self._refresh()

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

    def toggle(self, remedy: str) -> str:
        """Switches a remedy on or off. Where it can't go with one that is on, nothing changes and the reason is returned."""
        if remedy in self.chosen:
            self._go(replace(self.state, chosen=tuple(name for name in self.chosen if name != remedy)))
            self._refresh()
            return ""
        if self.case is None:
            return ""
        reason = conflict(self.case, self.chosen, remedy)
        if reason:
            return reason
        self._go(replace(self.state, chosen=(*self.chosen, remedy)))
        self._refresh()
        return ""

    def apply_plan(self) -> bool:
        """Switches exactly the remedies of the cheapest plan on; False when there is none."""
        plan = self.report.plan if self.report else None
        if plan is None or not plan.steps:
            return False
        self._go(replace(self.state, chosen=tuple(plan.steps)))
        self._refresh()
        return True

    def reset(self) -> None:
        """Switches all remedies off."""
        self._go(replace(self.state, chosen=()))
        self._refresh()

    def keep(self) -> None:
        """Keeps the present scenario to compare later ones with; keeping twice forgets the first."""
        self.kept = self.now

    def undo(self) -> bool:
        """One step back; False at the beginning. True in `stale` tells that facts changed."""
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

    def _go(self, state: State) -> None:
        self._undo.append(self.state)
        del self._undo[:-MAX_UNDO]
        self._redo.clear()
        self.state = state

    def _refresh(self) -> None:
        self.now = scenario_of(self.case, self.chosen) if self.case is not None else None
        plan = self.report.plan if self.report is not None else None
        self.planned = scenario_of(self.case, plan.steps) if self.case is not None and plan is not None else None
