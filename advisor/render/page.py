"""The diagnosis as styled lines: what somebody whose run just died wants to see, in that order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from advisor.facts import VRAM_KINDS, Lang
from advisor.render.bars import COLOURS, stacked
from advisor.render.layout import Row, Span, as_written, cells, cut, listed, wrap
from advisor.render.said import largest_notes, largest_table, respected
from advisor.report import Change, Component, Diagnosis, EstimateReport, Held, Largest, PlanReport, RemedyReport
from advisor.units import format_gib
from advisor.wording import word

MAX_REMEDIES = 6  # in the table; all of them are in the JSON and with --all
MAX_CHANGES = 2  # of one remedy
NARROW = 72  # columns below which the table becomes a list
MAX_BAR = 100
_COLUMNS = ("saves", "after", "fits", "time", "risk")
# The facts that people look for first; the others follow. The verdict tells the phase, its words the runtime.
_TOLD_FACTS = frozenset({"phase", "runtime", "gpu_index"})
_FIRST_FACTS = (
    "gpu_name", "gpu_count", "gpu_memory_gib", "gpu_capacity_gib", "framework", "model", "params_b", "task", "method", "quantization",
    "precision", "optimizer", "lora_rank", "batch_size", "grad_accum", "seq_len", "num_generations", "image_resolution", "image_tokens",
    "gradient_checkpointing", "flash_attention", "zero_stage", "offload", "fsdp", "tried_to_allocate_gib", "gpu_free_gib",
    "torch_allocated_gib", "torch_reserved_unallocated_gib", "gpu_memory_utilization", "max_model_len",
)  # fmt: skip


class Page:
    """The lines of one diagnosis for a width; `ascii_only` keeps to characters of an old terminal."""

    def __init__(self, diagnosis: Diagnosis, width: int, *, ascii_only: bool = False) -> None:
        self.d = diagnosis
        self.lang: Lang = diagnosis.lang
        self.width = width
        self.ascii_only = ascii_only

    def w(self, key: str, **values: object) -> str:
        return word(key, self.lang, **values)

    def rows(self, *, explain: bool, everything: bool) -> Iterator[Row]:
        """All lines, from the verdict down."""
        d = self.d
        bad = d.failure.kind in ("vram_oom", "kv_cache")
        yield from wrap([(d.verdict, "bold red" if bad else "bold")], self.width)
        read = [*self._facts(), *self._respected()]
        if read:
            yield from self._section("heading.read", read)
        for item in d.largest:
            yield from self._section("heading.largest", self._largest(item))
        if d.held is not None:
            yield from self._section("heading.held", self._held(d.held))
        if d.estimate is not None and d.estimate.components:
            yield from self._section("heading.memory", self._memory(d.estimate))
        if d.causes:
            yield from self._section("heading.why", self._causes())
        shown = d.remedies if everything else d.remedies[:MAX_REMEDIES]
        if shown:
            heading = "heading.remedies" if d.failure.kind in VRAM_KINDS else "heading.help"
            yield from self._section(heading, self._remedies(shown))
        elif d.failure.kind in VRAM_KINDS and not d.largest:
            yield []
            yield from wrap([(self.w("no_remedy"), "")], self.width)
        if d.plan is not None:
            yield from self._section(d.plan.heading, self._plan(d.plan))
        if d.hardware:
            yield from self._section("heading.hardware", self._text(d.hardware))
        if d.questions:
            yield from self._section("heading.questions", self._questions())
        if explain:
            yield from self._section("heading.trace", self._trace())
        if d.redactions:
            yield []
            yield from wrap([(self.w("redacted", count=d.redactions), "dim")], self.width)

    def _section(self, heading: str, body: Iterable[Row]) -> Iterator[Row]:
        yield []
        yield from wrap([(self.w(heading), "bold")], self.width)
        for row in body:
            yield [("  ", ""), *row]

    def _text(self, text: str, style: str = "", *, first: str = "", rest: str = "", inside: int = 2) -> list[Row]:
        return wrap([(text, style)], self.width - inside, first=first, rest=rest)

    def _facts(self) -> list[Row]:
        facts = self.d.facts
        shown = []
        for name in (*_FIRST_FACTS, *(name for name in facts if name not in _FIRST_FACTS)):
            if name not in facts or name in _TOLD_FACTS or (name == "gpu_memory_gib" and "gpu_capacity_gib" in facts):
                continue
            value = facts[name]
            if name.endswith("_gib") and isinstance(value, int | float):
                shown.append(f"{name.removesuffix('_gib')} {format_gib(float(value))}")
            else:
                shown.append(
                    f"{name} {self.w('yes' if value else 'no') if isinstance(value, bool) else as_written(value)}"
                )
        return self._text("  ".join(item.replace(" ", "\u00a0") for item in shown), "dim") if shown else []

    def _respected(self) -> list[Row]:
        said = respected(self.d)
        return self._text(said) if said else []

    def _largest(self, item: Largest) -> Iterator[Row]:
        table = largest_table(item, self.d)
        widths = [max(cells(row[at]) for row in table) for at in range(3)]
        for place, (title, sure, likely, note) in enumerate(table):
            style = "" if place else "dim"
            columns = "".join(
                " " * (2 + width - cells(text)) + text for text, width in zip((sure, likely), widths[1:], strict=True)
            )
            if self.width < NARROW:
                yield from self._text(f"{title}: {sure} / {likely}" + (f" ({note})" if note else ""), style, rest="  ")
            else:
                filled = title + " " * (widths[0] - cells(title))
                yield [(filled, style), (columns, style or "bold"), (f"  {note}" if note else "", "dim")]
        for note in largest_notes(item, self.d):
            yield from self._text(note, "dim")

    def _memory(self, estimate: EstimateReport) -> list[Row]:
        parts = sorted(estimate.components, key=lambda component: -component.gib)
        notes = [self.w("interval", low=format_gib(estimate.need_low_gib), high=format_gib(estimate.need_high_gib))]
        if estimate.phase:
            notes.append(self.w("peak_in", where=self.w(f"phase.{estimate.phase}")))
        if estimate.capacity_gib is not None:
            card = str(self.d.facts.get("gpu_name") or self.w("this_card"))
            notes.append(self.w("capacity_line", card=card, capacity=format_gib(estimate.capacity_gib)))
        rows = wrap([(format_gib(estimate.need_gib), "bold"), ("  " + "; ".join(notes), "")], self.width - 2)
        rows += self._bar(parts, estimate.capacity_gib)
        if estimate.assumed:
            rows += self._text(self.w("assumed", list=listed(estimate.assumed)), "dim")
        for warning in estimate.warnings:
            rows += self._text(warning, "yellow")
        return rows

    def _held(self, held: Held) -> list[Row]:
        rows = wrap([(format_gib(held.total_gib), "bold")], self.width - 2)
        capacity = self.d.facts.get("gpu_capacity_gib")
        return rows + self._bar(held.components, float(capacity) if isinstance(capacity, int | float) else None)

    def _bar(self, parts: Sequence[Component], capacity: float | None) -> list[Row]:
        """The stacked bar of the parts, and what its segments stand for."""
        sizes = [part.gib for part in parts]
        width = min(self.width - 4, MAX_BAR)
        bar: Row = []
        for segment in stacked(sizes, capacity, width, ascii_only=self.ascii_only):
            colour = (
                "bold" if segment.part == -2 else "dim" if segment.part < 0 else COLOURS[segment.part % len(COLOURS)]
            )
            bar.append((segment.char * segment.cells, colour))
        rows: list[Row] = [bar]
        samples = stacked([1.0] * len(parts), None, max(10, len(parts)), ascii_only=self.ascii_only)
        entries = [
            [(samples[index].char, COLOURS[index % len(COLOURS)]), (f" {part.title} {format_gib(part.gib)}", "")]
            for index, part in enumerate(parts)
            if part.gib >= 0.005
        ]
        return rows + _packed(entries, self.width - 2)

    def _causes(self) -> Iterator[Row]:
        for cause in self.d.causes[:3]:
            spans = [(cause.title, "bold"), (f" ({cause.confidence:.0%}): {cause.because}", "")]
            yield from wrap(spans, self.width - 2, first="- " if self.ascii_only else "• ", rest="  ")

    def _remedies(self, remedies: Sequence[RemedyReport]) -> Iterator[Row]:
        measured = any(remedy.saves is not None for remedy in remedies)
        if self.width < NARROW or not measured:
            for remedy in remedies:
                yield from self._remedy_lines(remedy, measured)
            return
        head = [(self.w(f"column.{key}"), "dim") for key in _COLUMNS]
        table = [self._figures(remedy) for remedy in remedies]
        widths = [max(cells(row[i][0]) for row in (head, *table)) + 2 for i in range(len(_COLUMNS))]
        room = self.width - 2 - 4 - sum(widths)
        yield [(" " * (4 + room), ""), *_right(head, widths)]
        for remedy, figures in zip(remedies, table, strict=True):
            title = cut(remedy.title, room)
            yield [(f"{remedy.rank:>2}  {title}", "bold"), (" " * (room - cells(title)), ""), *_right(figures, widths)]
            yield from self._details(remedy, "    ")

    def _figures(self, remedy: RemedyReport) -> list[Span]:
        unknown = self.w("unknown")
        fits = unknown if remedy.fits is None else self.w("yes" if remedy.fits else "no")
        change = round((remedy.time_cost - 1) * 100)
        return [
            (format_gib(remedy.saves.expected) if remedy.saves else unknown, ""),
            (format_gib(remedy.peak_after_gib) if remedy.peak_after_gib is not None else unknown, ""),
            (fits, "green" if remedy.fits else ""),
            (self.w("time.same") if change == 0 else f"{change:+d} %", ""),
            (self.w(f"risk.{remedy.quality_risk}"), ""),
        ]

    def _remedy_lines(self, remedy: RemedyReport, measured: bool) -> Iterator[Row]:
        yield from wrap([(remedy.title, "bold")], self.width - 2, first=f"{remedy.rank}. ", rest="   ")
        if measured:
            pairs = zip(_COLUMNS, self._figures(remedy), strict=True)
            labelled = "; ".join(f"{self.w(f'column.{key}')}: {figure}" for key, (figure, _) in pairs)
            yield from self._text(labelled, first="   ", rest="   ")
        yield from self._details(remedy, "   ")

    def _details(self, remedy: RemedyReport, indent: str) -> Iterator[Row]:
        if remedy.because:
            yield from self._text(remedy.because, "dim", first=indent, rest=indent)
        for change in remedy.changes[:MAX_CHANGES]:
            yield from self._change(change, indent)

    def _change(self, change: Change, indent: str) -> Iterator[Row]:
        """The lines of a change as they are to be copied: never wrapped, unless they are prose."""
        for line in change.text.strip("\n").splitlines():
            if change.kind == "prose":
                yield from self._text(line, "cyan", first=indent, rest=indent)
            else:
                yield [(indent, ""), (line.replace("\t", "    "), "cyan")]
        if change.note:
            yield from self._text(change.note, "dim", first=indent, rest=indent)

    def _plan(self, plan: PlanReport) -> Iterator[Row]:
        yield from self._text(" + ".join(plan.titles), "bold green" if plan.fits else "bold yellow")
        for change in plan.changes:
            yield from self._change(change, "  ")
        if self.d.edit is not None and self.d.edit.diff:
            yield from self._text(self.w("diff.hint"), "dim")
        capacity = self.d.estimate.capacity_gib if self.d.estimate else None
        if capacity is not None:
            key = "plan_result" if plan.fits else "plan_nearest_result"
            yield from self._text(self.w(key, peak=format_gib(plan.peak_gib), capacity=format_gib(capacity)))
        if plan.host_ram_gib:
            yield from self._text(self.w("plan_host_ram", gib=format_gib(plan.host_ram_gib)))
        for other in self.d.plans:
            if other is not plan and other.steps != plan.steps:
                steps = " + ".join(other.titles)
                line = f"{self.w(f'plan.{other.name}')}: {steps} ({format_gib(other.peak_gib)})"
                yield from self._text(line, "dim", rest="  ")

    def _questions(self) -> Iterator[Row]:
        for question in self.d.questions:
            why = f" ({question.why})" if question.why else ""
            yield from wrap([(question.text, ""), (why, "dim")], self.width - 2, first="? ", rest="  ")

    def _trace(self) -> Iterator[Row]:
        for step in self.d.trace:
            yield from wrap([(step.rule, "bold"), (f"  [{step.stratum}]", "dim")], self.width - 2)
            yield from self._text("; ".join(step.conditions), first="  ", rest="    ")
            yield from self._text(", ".join(step.concluded), first="  -> ", rest="    ")
            if step.because:
                yield from self._text(step.because, "dim", first="  ", rest="  ")
            if step.sources:
                sources = f"{self.w('heading.sources')}: {', '.join(step.sources)}"
                yield from self._text(sources, "dim", first="  ", rest="  ")
        yield []
        yield from self._text(self.w("heading.evidence"), "bold")
        for item in self.d.evidence:
            place = (
                self.w("line", line=item.line)
                if item.line
                else self.w("measured" if item.origin == "measured" else "stated_option")
            )
            mark = "" if item.used else f" ({self.w('overruled')})"
            text = f"{item.fact} = {as_written(item.value)}{mark}  {place}: {item.quote}"
            yield from self._text(text, "" if item.used else "dim", rest="  ")
        if self.d.sources:
            yield []
            yield from self._text(self.w("heading.sources"), "bold")
        for source in self.d.sources:
            yield from self._text(f"{source.id}: {source.title} {source.url}".rstrip(), rest="  ")


def _right(spans: Iterable[Span], widths: Iterable[int]) -> Row:
    """The spans right-aligned in columns of these widths."""
    row: Row = []
    for (text, style), width in zip(spans, widths, strict=True):
        row += [(" " * (width - cells(text)), ""), (text, style)]
    return row


def _packed(entries: Iterable[Row], width: int) -> list[Row]:
    """Entries side by side, three blanks apart, as many to a line as fit; an entry wider than a line is wrapped."""
    rows: list[Row] = []
    used = 0
    for entry in entries:
        size = sum(cells(text) for text, _ in entry)
        if rows and used + 3 + size <= width:
            rows[-1] += [("   ", ""), *entry]
            used += 3 + size
        else:
            rows += wrap(entry, width)
            used = size if size <= width else width
    return rows
