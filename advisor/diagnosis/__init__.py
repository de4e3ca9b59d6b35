"""From a text to a diagnosis: read, specify, estimate, chain the rules, rank, plan, report."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Literal

from msgspec.structs import replace

from advisor.diagnosis.changes import changes_for
from advisor.diagnosis.compose import compose
from advisor.diagnosis.specify import Specification, specify
from advisor.diagnosis.spelling import spelling_of
from advisor.diagnosis.wishes import Wish, wishes_of, with_wishes
from advisor.engine import Engine, Trace
from advisor.errors import TooLittleKnown
from advisor.estimate import Estimate, estimate
from advisor.estimate.catalogue import find_model
from advisor.facts import VRAM_KINDS, FactValue, Lang, Observation
from advisor.language import language_of_document
from advisor.library import Library, load_library
from advisor.plan import Outcome, Preferences, Weights, candidates_of, make_plan
from advisor.plan.edit import at_home, changes_nothing, offered, tailored
from advisor.plan.memory import capacity_gib, memory_fields
from advisor.plan.meter import Estimator
from advisor.plan.reconcile import disproved, reconciled
from advisor.readers import read_all
from advisor.readers.document import Document
from advisor.readers.intake import read_document
from advisor.readers.resolve import Resolution, resolve
from advisor.records import Remedy
from advisor.redact import redact
from advisor.report import Diagnosis
from advisor.witness import Holding, Witness

if TYPE_CHECKING:
    from advisor.allocation import Match

__all__ = ["Case", "Preferences", "diagnose", "examine", "read_document"]

STATED_RANK = 100
LEAST_SAVING_GIB = 1 / 1024
# What a question is about is not changed to answer it, as long as anything else can be: what is stated of these ...
ASKED = frozenset({"num_generations", "gpu_count", "model"})
# ... and how long or large the inputs are, even where a usual size had to be assumed.
LENGTHS = ("seq_len", "max_model_len", "image_resolution", "image_tokens")
_engines: dict[int, tuple[Library, Engine]] = {}
_engines_lock = threading.Lock()


@lru_cache(maxsize=1)
def default_library() -> Library:
    """The built-in packs, loaded once."""
    return load_library()


def engine_of(library: Library) -> Engine:
    """The compiled rules of a library; compiled once for each."""
    with _engines_lock:
        known = _engines.get(id(library))
        if known is None or known[0] is not library:
            known = (library, Engine(library.rules))
            _engines.clear()  # a process seldom has two libraries; compiled rules are not small
            _engines[id(library)] = known
        return known[1]


class Case:
    """All that is known of one text before it is put into words: what was read, specified, estimated and concluded."""

    def __init__(
        self,
        document: Document,
        library: Library,
        stated: Mapping[str, FactValue],
        preferences: Preferences,
        lang: Literal["auto", "en", "zh"] = "auto",
        *,
        emails: bool = False,
        witness: Witness | None = None,
    ) -> None:
        """Reads the document and runs the rules.

        Args:
            document: the text.
            stated: facts that override what the text says; `failure_kind` and a list of remedies under `tried` may be among them.
            preferences: what matters most, what must stay, what must not be advised.
            lang: the language of the answer; `auto` takes the one that the person writes.
            emails: hide e-mail addresses as well as secrets.
            witness: what was seen beside the text.
        """
        document, self.redactions = _redacted(document, library, emails=emails)
        self.document = document
        self.library = library
        self.lang: Lang = language_of_document(document) if lang == "auto" else lang
        self.witness = witness
        observations = read_all(document, library)
        if witness is not None:
            observations += witness.observations
        observations += [
            Observation(name, each, 0, f"{name}={each}", rank=STATED_RANK)
            for name, value in stated.items()
            for each in (value if name == "tried" and isinstance(value, list) else [value])
        ]
        self.resolution: Resolution = resolve(observations)
        self.facts = self.resolution.facts
        self.wishes: Sequence[Wish] = wishes_of(self.resolution, library)
        self.preferences = with_wishes(preferences, self.wishes)
        self.held: Sequence[Holding] = witness.holdings(self.facts) if witness is not None else ()
        self.kind, self.confidence = self.resolution.failure
        self.specification: Specification = specify(self.facts, library, self.kind, document.lower)
        if witness is not None:
            self.specification.words.update(witness.words)
        self.missing: Sequence[str] = ()
        self.estimate: Estimate | None = self._estimate()
        self.asked: Match | None = self._asked()
        self.trace: Trace = engine_of(library).run(self.fields())
        self.outcome: Outcome = self._plan()

    def fields(self) -> dict[str, Any]:
        """Every field that a rule can test, by name."""
        # A technique that the framework has on unless told otherwise is on; what it has off may well have been switched on.
        on = {name: value for name, value in self.specification.assumed.items() if value is True or name == "precision"}
        fields: dict[str, Any] = {**on, **self.facts}
        fields["kind"] = self.kind
        model = find_model(self.specification.words, self.library) if "model" in self.facts else None
        if model is not None:
            fields.setdefault("model_kind", model.kind)
        fields |= {f"signal.{name}": True for name in self.resolution.signals}
        fields |= {f"tried.{name}": True for name in self.resolution.tried}
        if self.asked is not None:
            fields[f"signal.asked_for_{self.asked.tensor.id}"] = True
        fields |= memory_fields(self.facts, None if self.is_disproved else self.estimate, self.held)
        return fields

    def estimated(self, words: Mapping[str, FactValue]) -> Estimate:
        """The estimate of a specification, in the assumptions of this case. Raises TooLittleKnown."""
        return estimate(words, self.library)

    def _estimate(self) -> Estimate | None:
        if self.kind not in VRAM_KINDS:
            return None
        try:
            return self.estimated(self.specification.words)
        except TooLittleKnown as error:
            self.missing = error.missing
            return None

    def _asked(self) -> Match | None:
        """The tensor that the failed allocation was for, where its size tells."""
        if self.kind not in VRAM_KINDS or "tried_to_allocate_gib" not in self.facts:
            return None
        from advisor.diagnosis.asked import asked_for

        return asked_for(self.facts, self.specification.words, self.document, self.library)

    def _plan(self) -> Outcome:
        weights = Weights.of(self.library.settings.get("ranking"), self.preferences.prefer)

        # Who asks before a run is answered for the run that was estimated: a batch that was taken as 1 can't be smaller.
        taken = self.estimate.assumed if self.kind == "question" and self.estimate is not None else {}
        words = self.specification.words

        def fit(remedy: Remedy) -> Remedy | None:
            if not offered(remedy, self.spelling, self.library):
                return None
            if taken and changes_nothing(remedy, {**taken, **words}):
                return None
            if not remedy.edit and self._stands_there(remedy):
                return None
            found = tailored(remedy, self.spelling, self.library)
            fits_in = not found.edit or any(at_home(edit.where, words) for edit in found.edit)
            return found if fits_in and bool(found.edit) == bool(remedy.edit) else None

        candidates = candidates_of(self.trace, self.library.remedies, self.preferences, weights, fit)
        estimator: Estimator = self._unknown
        if self.estimate is not None:
            estimator = reconciled(self.estimated, self.facts, self.estimate)
        outcome = make_plan(
            words,
            candidates,
            estimator,
            None if self.is_disproved else self.capacity_gib,
            self.preferences,
            self.library,
            tried=self.resolution.tried,
            asked=self._asked_about(),
        )
        if self.kind != "question" or self.estimate is None or not self.estimate.fits:
            return outcome
        # Who is told that it fits is not told what would change nothing.
        helping = [item for item in outcome.ranked if item.saves is None or item.saves.expected > LEAST_SAVING_GIB]
        return replace(outcome, ranked=tuple(helping))

    def _stands_there(self, remedy: Remedy) -> bool:
        """Whether all that the remedy would have one write stands in the text already."""
        changes = changes_for(remedy, self.stated_words, self.library, self.lang)
        wanted = [change.text.removeprefix("export ") for change in changes]
        # A variable or setting begins its line; within a line a message may advise it.
        lines = [line.text.lstrip(" \t$>").removeprefix("export ") for line in self.document.lines]
        return bool(wanted) and all(
            any(line.startswith(each) or (each.startswith("-") and each in line) for line in lines) for each in wanted
        )

    def _asked_about(self) -> tuple[str, ...]:
        if self.kind != "question":
            return ()
        stated = [name for name in sorted(ASKED) if name in self.facts]
        # Adapters may be trained on a quantised base; only who asks for all weights wants all weights.
        return (*LENGTHS, *stated, *(("method",) if self.facts.get("method") == "full" else ()))

    @cached_property
    def spelling(self) -> str:
        """The framework in whose words changes are written; empty where none is known."""
        framework, task = str(self.facts.get("framework", "")), str(self.facts.get("task", ""))
        return spelling_of(self.document, framework, self.library, task)

    @property
    def stated_words(self) -> dict[str, FactValue]:
        """The facts, with the framework in whose words the person writes."""
        return (
            {**self.facts, "framework": self.spelling or "pytorch"}
            if "framework" in self.facts or self.spelling
            else dict(self.facts)
        )

    @property
    def is_disproved(self) -> bool:
        """Whether the message's numbers show that the estimate is of another run."""
        return self.estimate is not None and disproved(self.facts, self.estimate, self.capacity_gib)

    @property
    def capacity_gib(self) -> float | None:
        """Usable memory of the card: as the runtime reports it, else as the catalogue knows it."""
        return capacity_gib(self.facts, self.estimate)

    def _unknown(self, words: Mapping[str, FactValue]) -> Estimate:
        raise TooLittleKnown(self.missing)


def _redacted(document: Document, library: Library, *, emails: bool) -> tuple[Document, int]:
    text = "\n".join(line.raw for line in document.lines)
    hidden, count = redact(text, emails=emails, library=library)
    if not count:
        return document, 0
    raws = hidden.split("\n")
    if len(raws) != len(document.lines):
        return Document.of(hidden), count
    return Document.numbered([(line.number, raw) for line, raw in zip(document.lines, raws, strict=True)]), count


def examine(
    text: str | Document,
    *,
    stated: Mapping[str, FactValue] | None = None,
    library: Library | None = None,
    preferences: Preferences | None = None,
    lang: Literal["auto", "en", "zh"] = "auto",
    emails: bool = False,
    witness: Witness | None = None,
) -> Case:
    """The case of a text: everything that was concluded, before it is put into words. See `Case`."""
    document = Document.of(text) if isinstance(text, str) else text
    library, preferences = library or default_library(), preferences or Preferences()
    return Case(document, library, stated or {}, preferences, lang, emails=emails, witness=witness)


def diagnose(
    text: str | Document,
    *,
    stated: Mapping[str, FactValue] | None = None,
    library: Library | None = None,
    preferences: Preferences | None = None,
    lang: Literal["auto", "en", "zh"] = "auto",
    emails: bool = False,
    witness: Witness | None = None,
) -> Diagnosis:
    """Why the run of a log or description ran out of memory, and what to change.

    Args:
        text: a log or a description, in English or Chinese.
        stated: facts that override what the text says, checked by `facts.check_facts`.
        library: rules and knowledge; the built-in packs when absent.
        preferences: what matters most, what must stay as it is, what must not be advised.
        lang: the language of the answer; `auto` takes the one that the person writes.
        emails: hide e-mail addresses as well as secrets.
        witness: what a live process or a memory snapshot showed beside the text.

    Raises:
        PackError: the packs have faults.
        EngineError: the rule engine failed on this case.
    """
    return compose(
        examine(
            text, stated=stated, library=library, preferences=preferences, lang=lang, emails=emails, witness=witness
        )
    )
