"""The largest model, batch, length or number of users that a card holds, where that is asked for: a direct number for each way to run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from advisor.diagnosis.verdict import card_name, close_up
from advisor.errors import AdvisorError
from advisor.estimate.catalogue import find_model
from advisor.facts import VRAM_KINDS, FactValue, Lang
from advisor.plan.edit import forbidden
from advisor.plan.fit import VARIABLES, best, capacity_of, granted, largest
from advisor.plan.outcome import EstimateLike, need_gib, peak_gib
from advisor.records import Model
from advisor.report import Largest, LargestRow
from advisor.wording import word

if TYPE_CHECKING:
    from advisor.diagnosis import Case

_STEP_B = 0.1  # of the search for a size of model, in billions of weights
_MOST_B = 20_000  # steps of it
_NEAR = 0.75  # an example has at least this share of the largest size
_MAX_EXAMPLES = 40
_SIZES = frozenset({"model", "hf_id", "params_b", "trainable_params"})
Way = tuple[str, dict[str, FactValue]]


def largest_of(case: Case) -> tuple[Largest, ...]:
    """An answer for each fact whose largest value the text asks for; empty where nothing is asked, or card or model are unknown."""
    if case.kind not in VRAM_KINDS or not case.resolution.largest or case.is_disproved:
        return ()
    capacity = case.capacity_gib or capacity_of(case.facts, case.library)
    settings: Mapping[str, Any] = case.library.settings.get("largest") or {}
    if capacity is None or not settings:
        return ()
    found = []
    for fact in case.resolution.largest:
        if fact == "params_b" and not _SIZES.isdisjoint(case.facts):
            continue  # "which model is it" of somebody who has one
        answer = _Sought(case, fact, capacity, settings).answer()
        if answer is not None and any(row.likely is not None for row in answer.rows):
            found.append(answer)
    return tuple(found)


def sentence(largest: Largest, facts: Mapping[str, FactValue], lang: Lang) -> str:
    """The answer in one sentence."""
    card, count = card_name(facts, lang), facts.get("gpu_count", 1)
    if largest.fact == "params_b" and isinstance(count, int) and count > 1:
        card = f"{count} x {card}"
    parts = [
        word("largest.part", lang, title=row.title, value=largest.said(row.value or row.likely))
        if row.value or row.likely
        else word("largest.nothing", lang, title=row.title)
        for row in largest.rows
    ]
    said = word(f"largest.{largest.fact}", lang, card=card, parts=word("semicolon", lang).join(parts))
    return close_up(said, card)


class _Sought:
    """The search for the largest value of one fact."""

    def __init__(self, case: Case, fact: str, capacity_gib: float, settings: Mapping[str, Any]) -> None:
        self._case, self._fact, self._capacity, self._settings = case, fact, capacity_gib, settings
        self._spec: dict[str, FactValue] = dict(case.specification.words)
        self._length = 1
        self._varied = self._variable()

    def answer(self) -> Largest | None:
        """All ways with their largest values; None where nothing can be estimated."""
        rows: list[LargestRow] = []
        given: list[dict[str, FactValue]] = []
        for title, words in self._ways():
            specs = self._specs(words)
            try:
                row = (
                    self._model(title, words, specs) if self._fact == "params_b" else self._size(title, words, specs[0])
                )
                taken = self._given(specs[0], words)
            except AdvisorError:
                continue
            rows.append(row)
            given.append(taken)
        if not rows:
            return None
        return Largest(
            self._fact, word(f"largest.title.{self._fact}", self._case.lang), self._capacity, tuple(rows), tuple(given)
        )

    def _variable(self) -> str:
        """The word of the specification that is varied: the users of a server share the tokens of its cache."""
        if self._fact == "concurrency":
            length = self._spec.pop("max_model_len", None) or self._spec.get("seq_len")
            self._length = length if isinstance(length, int) else int(self._settings["assumed"]["inference"]["seq_len"])
            self._spec["task"] = "inference"
            if not self._pages():
                self._spec["framework"] = self._settings["server"]
            return "max_model_len"
        if self._fact == "seq_len" and self._pages() and self._task() == "inference":
            self._spec.pop("seq_len", None)
            return "max_model_len"
        return self._fact

    def _pages(self) -> bool:
        """Whether the program is a server with a cache for all its requests."""
        program = self._case.library.frameworks.get(str(self._spec.get("framework", "")))
        return program is not None and "max_model_len" in program.keys

    def _task(self) -> str:
        return str(self._spec.get("task", "train"))

    def _ways(self) -> Iterator[Way]:
        """The ways to run: by method and by width of the weights where the text leaves them open, without what is ruled out."""
        given, lang = self._settings, self._case.lang
        stated = self._case.facts
        open_task = self._fact == "params_b" and "task" not in stated and "method" not in stated
        tasks = ("inference", "train") if open_task else (self._task(),)
        for task in tasks:
            fixed = "method" if task == "train" else "quantization"
            as_is: Way = (given["as_described"][lang], {})
            if fixed in stated or (task == "inference" and "precision" in stated and self._fact != "params_b"):
                ways = [as_is]
            else:
                rows: Sequence[Mapping[str, Any]] = given[task]
                ways = [(row[lang], {"task": task, **row["words"]}) for row in rows if self._wanted(row)]
            yield from ways
            more = given["checkpointing"]
            is_open = (
                task == "train" and self._spec.get("gradient_checkpointing") is not True and self._fact != "params_b"
            )
            if is_open and self._wanted(more) and "gradient_checkpointing" not in stated:
                for title, words in ways:
                    name = f"{'' if title == as_is[0] else title + ' + '}{more[lang]}"
                    yield name, {**words, **more["words"]}

    def _wanted(self, row: Mapping[str, Any]) -> bool:
        remedy = self._case.library.remedies.get(str(row.get("remedy", "")))
        return remedy is None or not forbidden(remedy, self._case.preferences)

    def _specs(self, words: Mapping[str, FactValue]) -> list[dict[str, FactValue]]:
        """The specifications of a way, with what is taken for granted, one for each use of several cards."""
        spec = {**self._spec, **words}
        task = str(spec.get("task", "train"))
        taken: Mapping[str, Any] = self._settings["assumed"][task]
        for name, value in taken.items():
            if name != self._varied and (name != "gradient_checkpointing" or self._fact == "params_b"):
                spec.setdefault(name, value)
        spec.pop(self._varied, None)
        count = spec.get("gpu_count", 1)
        if self._fact == "params_b" and isinstance(count, int) and count > 1 and "parallelism" not in self._case.facts:
            used = self._settings["several_cards"]
            ways = used["inference"] if task == "inference" else used.get(str(spec.get("method", "full")), used["full"])
            return [{**spec, "parallelism": f"tp{count}" if how == "tp" else how} for how in ways]
        return [spec]

    def _given(self, spec: Mapping[str, FactValue], words: Mapping[str, FactValue]) -> dict[str, FactValue]:
        """What a way takes for granted and the text does not say."""
        named = [*self._settings["assumed"]["train"], "framework", "optimizer"]
        taken = {
            name: spec[name] for name in named if name in spec and name not in self._case.facts and name not in words
        }
        own = self._case.facts.keys() | words.keys()
        by_estimate = granted(spec, self._varied, self._case.estimated)
        taken |= {name: value for name, value in by_estimate.items() if name not in own}
        if self._varied == "max_model_len":
            taken = {name: value for name, value in taken.items() if name not in ("batch_size", "seq_len")}
        if self._fact == "concurrency" and self._case.facts.keys().isdisjoint({"seq_len", "max_model_len"}):
            taken["seq_len"] = self._length
        return taken

    def _size(self, title: str, words: Mapping[str, FactValue], spec: Mapping[str, FactValue]) -> LargestRow:
        sure = best(spec, self._varied, self._case.estimated, self._capacity)
        likely = best(spec, self._varied, self._case.estimated, self._capacity, peak_gib).value
        if self._fact == "concurrency":  # they share the cache, whatever the server takes of its card
            users, perhaps = ((found or 0) // self._length or None for found in (sure.value, likely))
            return LargestRow(title, words, users, perhaps)
        value, most = sure.value, self._limit(spec)
        if most and (value or 0) >= most:
            need = need_gib(self._case.estimated({**spec, self._varied: most}))
            return LargestRow(title, words, most, most, need, limited=True)
        likely = min(likely, most) if most and likely else likely
        return LargestRow(title, words, value, likely, sure.need_gib if value else None)

    def _limit(self, spec: Mapping[str, FactValue]) -> int:
        """The longest sequence that the model takes; 0 where that is not known or not asked for."""
        if self._fact != "seq_len":
            return VARIABLES[self._varied][0]
        model = find_model(spec, self._case.library)
        most = model.config.get("max_position_embeddings") if model is not None else None
        return most if isinstance(most, int) else 0

    def _model(
        self, title: str, words: Mapping[str, FactValue], specs: Sequence[Mapping[str, FactValue]]
    ) -> LargestRow:
        found = [self._model_of(title, words, spec) for spec in specs]
        return max(found, key=lambda row: (row.value or 0, row.likely or 0))

    def _model_of(self, title: str, words: Mapping[str, FactValue], spec: Mapping[str, FactValue]) -> LargestRow:
        if "parallelism" in spec and "parallelism" not in self._case.facts:
            words = {**words, "parallelism": spec["parallelism"]}

        spec = {**granted(spec, "params_b", self._case.estimated), **spec}

        def need(steps: int) -> float:
            return need_gib(self._case.estimated({**spec, "params_b": steps * _STEP_B}))

        def expected(steps: int) -> float:
            return peak_gib(self._case.estimated({**spec, "params_b": steps * _STEP_B}))

        sure = largest(need, self._capacity, _MOST_B)
        likely = largest(expected, self._capacity, _MOST_B)
        if sure is None:
            return LargestRow(title, words, None, _rounded(likely))
        example = self._example(spec, sure * _STEP_B)
        return LargestRow(title, words, _rounded(sure), _rounded(likely), need(sure), example)

    def _example(self, spec: Mapping[str, FactValue], size: float) -> str:
        """A dense model of the catalogue of nearly that size that fits by its own architecture; a well-known one first."""
        families: Sequence[str] = self._settings["families"]

        def order(model: Model) -> tuple[int, int, float]:
            place = next((at for at, name in enumerate(families) if model.name.startswith(name)), len(families))
            return 0 if model.params_b >= 0.85 * size else 1, place, -model.params_b

        near = [
            model
            for model in self._case.library.models.values()
            if model.kind == "llm" and _NEAR * size <= model.params_b <= 1.1 * size and _dense(model)
        ]
        for model in sorted(near, key=order)[:_MAX_EXAMPLES]:
            try:
                found: EstimateLike = self._case.estimated({**spec, "model": model.name})
            except AdvisorError:
                continue
            if need_gib(found) <= self._capacity:
                return model.name
        return ""


def _rounded(steps: int | None) -> float | None:
    """Billions of weights in two significant digits, rounded down: an estimate by size alone is no better."""
    if steps is None:
        return None
    value = steps * _STEP_B
    return float(int(value)) if value >= 10 else round(value, 1)


def _dense(model: Model) -> bool:
    config = model.config
    is_moe = any(name in config for name in ("num_experts", "n_routed_experts", "num_local_experts", "moe"))
    return not is_moe and "num_attention_heads" in config
