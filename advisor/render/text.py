"""The diagnosis as text for a terminal, a pipe or a file: what somebody whose run just died wants to see, in that order."""

from __future__ import annotations

from collections.abc import Iterable
from io import StringIO
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from advisor.facts import VRAM_KINDS, Lang
from advisor.render.bars import COLOURS, stacked
from advisor.report import Change, Diagnosis, EstimateReport, PlanReport, RemedyReport
from advisor.units import format_gib
from advisor.wording import word

MAX_REMEDIES = 6  # in the table; all of them are in the JSON and with --all
NARROW = 72  # columns below which the table becomes a list
_PLAIN = str.maketrans(
    {"\u00a0": " ", "•": "-", "→": "->", "…": "...", "≥": ">=", "≤": "<=", "“": '"', "”": '"', "’": "'", "×": "x"}
)
_SHOWN_FACTS = (
    "gpu_name", "gpu_count", "gpu_memory_gib", "gpu_capacity_gib", "framework", "model", "params_b", "task", "method", "quantization",
    "precision", "optimizer", "batch_size", "grad_accum", "seq_len", "num_generations", "gradient_checkpointing", "flash_attention",
    "zero_stage", "offload", "fsdp", "tried_to_allocate_gib", "gpu_free_gib", "torch_allocated_gib",
    "torch_reserved_unallocated_gib", "gpu_memory_utilization", "max_model_len",
)  # fmt: skip


def render_text(
    diagnosis: Diagnosis,
    *,
    explain: bool = False,
    everything: bool = False,
    width: int | None = None,
    colour: bool | None = None,
    file: TextIO | None = None,
    console: Console | None = None,
) -> str:
    """The diagnosis as text; printed to `console` or `file` when given, returned otherwise.

    Args:
        explain: show the trace: rules, conditions, lines and documents.
        everything: show all remedies instead of the first MAX_REMEDIES.
        width: columns; None takes the terminal's.
        colour: None lets the terminal, NO_COLOR and FORCE_COLOR decide.
    """
    buffer = StringIO()
    stream: TextIO = file or buffer
    encoding = getattr(stream, "encoding", None) or "utf-8"
    ascii_only = not encoding.lower().replace("-", "").startswith("utf")
    console = console or Console(
        file=buffer if ascii_only else stream,
        width=width,
        highlight=False,
        soft_wrap=False,
        emoji=False,
        markup=False,
        no_color=colour is False or None,
        force_terminal=True if colour else (False if colour is False else None),
    )
    page = _Page(diagnosis, console.width, ascii_only=ascii_only)
    for block in page.blocks(explain=explain, everything=everything):
        console.print(block)
    if ascii_only and file:
        # Chinese in an ASCII terminal can't be saved; everything else has a plain spelling.
        file.write(buffer.getvalue().translate(_PLAIN).encode(encoding, "replace").decode(encoding))
    if file:
        return ""
    return buffer.getvalue()


class _Page:
    def __init__(self, diagnosis: Diagnosis, width: int, *, ascii_only: bool) -> None:
        self.d = diagnosis
        self.lang: Lang = diagnosis.lang
        self.width = width
        self.ascii_only = ascii_only

    def w(self, key: str, **values: object) -> str:
        return word(key, self.lang, **values)

    def blocks(self, *, explain: bool, everything: bool) -> Iterable[RenderableType]:
        d = self.d
        yield self._verdict()
        if d.facts:
            yield from self._section("heading.read", self._facts())
        if d.estimate is not None and d.estimate.components:
            yield from self._section("heading.memory", self._memory(d.estimate))
        if d.causes:
            yield from self._section(
                "heading.why", Group(*(self._cause(index) for index in range(min(3, len(d.causes)))))
            )
        shown = d.remedies if everything else d.remedies[:MAX_REMEDIES]
        if shown:
            heading = "heading.remedies" if d.failure.kind in VRAM_KINDS else "heading.help"
            yield from self._section(heading, self._remedies(shown))
        elif d.failure.kind in VRAM_KINDS:
            yield Text(self.w("no_remedy"))
        if d.plan is not None:
            heading = "heading.plan" if d.plan.fits else "heading.plan_nearest"
            yield from self._section(heading, self._plan(d.plan))
        if d.questions:
            yield from self._section("heading.questions", Group(*(self._question(i) for i in range(len(d.questions)))))
        if explain:
            yield from self._section("heading.trace", self._trace())
        if d.redactions:
            yield Text("\n" + self.w("redacted", count=d.redactions), style="dim")

    def _section(self, heading: str, body: RenderableType) -> Iterable[RenderableType]:
        yield Text("\n" + self.w(heading), style="bold")
        yield Padding(body, (0, 0, 0, 2))

    def _verdict(self) -> Text:
        bad = self.d.failure.kind in ("vram_oom", "kv_cache")
        return Text(self.d.verdict, style="bold red" if bad else "bold")

    def _facts(self) -> Text:
        facts = self.d.facts
        shown = []
        for name in _SHOWN_FACTS:
            if name not in facts or (name == "gpu_memory_gib" and "gpu_capacity_gib" in facts):
                continue
            value = facts[name]
            if name.endswith("_gib") and isinstance(value, int | float):
                shown.append(f"{name.removesuffix('_gib')} {format_gib(float(value))}")
            elif isinstance(value, bool):
                shown.append(f"{name} {self.w('yes' if value else 'no')}")
            elif isinstance(value, list):
                shown.append(f"{name} {','.join(value)}")
            else:
                shown.append(f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}")
        return Text("  ".join(item.replace(" ", "\u00a0") for item in shown), style="dim")

    def _memory(self, estimate: EstimateReport) -> Group:
        parts = sorted(estimate.components, key=lambda component: -component.gib)
        width = min(self.width - 6, 100)
        bar = Text()
        for segment in stacked([c.gib for c in parts], estimate.capacity_gib, width, ascii_only=self.ascii_only):
            style = (
                "bold" if segment.part == -2 else "dim" if segment.part < 0 else COLOURS[segment.part % len(COLOURS)]
            )
            bar.append(segment.char * segment.cells, style=style)
        legend = Text()
        for index, part in enumerate(parts):
            if part.gib < 0.005:
                continue
            sample = stacked([1.0] * len(parts), None, max(10, len(parts)), ascii_only=self.ascii_only)[index].char
            legend.append(sample, style=COLOURS[index % len(COLOURS)])
            legend.append(f" {part.title} {format_gib(part.gib)}".replace(" ", "\u00a0") + "   ")
        head = Text(format_gib(estimate.process_gib), style="bold")
        notes = [self.w("interval", low=format_gib(estimate.low_gib), high=format_gib(estimate.high_gib))]
        if estimate.phase:
            notes.append(self.w("peak_in", where=self.w(f"phase.{estimate.phase}")))
        if estimate.capacity_gib is not None:
            card = str(self.d.facts.get("gpu_name") or self.w("this_card"))
            notes.append(self.w("capacity_line", card=card, capacity=format_gib(estimate.capacity_gib)))
        head.append("  " + "; ".join(notes), style="not bold")
        lines: list[RenderableType] = [head, bar, legend]
        if estimate.assumed:
            listed = ", ".join(f"{name}={_value(value)}" for name, value in estimate.assumed.items())
            lines.append(Text(self.w("assumed", list=listed), style="dim"))
        lines += [Text(warning, style="yellow") for warning in estimate.warnings]
        return Group(*lines)

    def _cause(self, index: int) -> Text:
        cause = self.d.causes[index]
        text = Text(f"{'-' if self.ascii_only else '•'} ")
        text.append(cause.title, style="bold")
        text.append(f" ({cause.confidence:.0%}): {cause.because}")
        return text

    def _remedies(self, remedies: Iterable[RemedyReport]) -> RenderableType:
        remedies = list(remedies)
        measured = any(remedy.saves is not None for remedy in remedies)
        if self.width < NARROW or not measured:
            return Group(*(self._remedy_lines(remedy, measured) for remedy in remedies))
        keys = ("saves", "after", "fits", "time", "risk")
        head = [self.w(f"column.{key}") for key in keys]
        rows = [self._figures(remedy) for remedy in remedies]
        widths = [max(cell_len(head[i]), *(cell_len(row[i].plain) for row in rows)) + 2 for i in range(len(keys))]
        room = self.width - 2 - 4 - sum(widths)
        blocks: list[RenderableType] = [Text(" " * (4 + room)).append_text(_right(head, widths, "dim"))]
        for remedy, figures in zip(remedies, rows, strict=True):
            title = Text(remedy.title, style="bold")
            if title.cell_len > room:
                title.truncate(room, overflow="ellipsis")
            line = Text(f"{remedy.rank:>2}  ", style="bold")
            line.append_text(title)
            line.append(" " * (room - title.cell_len))
            for figure, width in zip(figures, widths, strict=True):
                line.append(" " * (width - figure.cell_len))
                line.append_text(figure)
            blocks += [line, Padding(self._details(remedy), (0, 0, 0, 4))]
        return Group(*blocks)

    def _details(self, remedy: RemedyReport) -> RenderableType:
        lines: list[RenderableType] = [Text(remedy.because, style="dim")] if remedy.because else []
        return Group(*lines, *(self._change(change) for change in remedy.changes[:2]))

    def _figures(self, remedy: RemedyReport) -> tuple[Text, ...]:
        unknown = self.w("unknown")
        fits = unknown if remedy.fits is None else self.w("yes" if remedy.fits else "no")
        return (
            Text(format_gib(remedy.saves.expected) if remedy.saves else unknown),
            Text(format_gib(remedy.peak_after_gib) if remedy.peak_after_gib is not None else unknown),
            Text(fits, style="green" if remedy.fits else ""),
            Text(self._time(remedy.time_cost)),
            Text(self.w(f"risk.{remedy.quality_risk}")),
        )

    def _time(self, factor: float) -> str:
        change = round((factor - 1) * 100)
        return self.w("time.same") if change == 0 else f"{change:+d} %"

    def _remedy_lines(self, remedy: RemedyReport, measured: bool) -> Text:
        text = Text(f"{remedy.rank}. ")
        text.append(remedy.title, style="bold")
        if measured:
            keys = ("saves", "after", "fits", "time", "risk")
            labelled = [f"{self.w(f'column.{k}')}: {v.plain}" for k, v in zip(keys, self._figures(remedy), strict=True)]
            text.append("\n   " + "; ".join(labelled))
        if remedy.because:
            text.append(f"\n   {remedy.because}", style="dim")
        for change in remedy.changes[:2]:
            text.append("\n   ")
            text.append_text(self._change(change, indent="   "))
        return text

    def _change(self, change: Change, indent: str = "") -> Text:
        lines = change.text.strip().splitlines() or [""]
        text = Text("\n".join([lines[0], *(indent + line for line in lines[1:])]), style="cyan")
        if change.note:
            text.append(f"\n{indent}{change.note}", style="dim")
        return text

    def _plan(self, plan: PlanReport) -> Group:
        ranks = {remedy.id: remedy for remedy in self.d.remedies}
        capacity = self.d.estimate.capacity_gib if self.d.estimate else None
        names = [ranks[step].title if step in ranks else step.replace("_", " ") for step in plan.steps]
        lines: list[RenderableType] = [Text(" + ".join(names), style="bold green" if plan.fits else "bold yellow")]
        for change in plan.changes:
            lines.append(Padding(self._change(change), (0, 0, 0, 2)))
        key = "plan_result" if plan.fits else "plan_nearest_result"
        if capacity is not None:
            lines.append(Text(self.w(key, peak=format_gib(plan.peak_gib), capacity=format_gib(capacity))))
        for other in self.d.plans:
            if other is plan or other.steps == plan.steps:
                continue
            label = self.w(f"plan.{other.name}")
            steps = " + ".join(ranks[step].title if step in ranks else step.replace("_", " ") for step in other.steps)
            lines.append(Text(f"{label}: {steps} ({format_gib(other.peak_gib)})", style="dim"))
        if self.d.hardware:
            lines.append(Text(self.d.hardware))
        return Group(*lines)

    def _question(self, index: int) -> Text:
        question = self.d.questions[index]
        text = Text(f"? {question.text}")
        if question.why:
            text.append(f" ({question.why})", style="dim")
        return text

    def _trace(self) -> Group:
        lines: list[RenderableType] = []
        for step in self.d.trace:
            text = Text(step.rule, style="bold")
            text.append(f"  [{step.stratum}]", style="not bold dim")
            text.append(f"\n  {' ; '.join(step.conditions)}", style="not bold")
            text.append(f"\n  -> {', '.join(step.concluded)}", style="not bold")
            if step.because:
                text.append(f"\n  {step.because}", style="not bold dim")
            if step.sources:
                text.append(f"\n  {self.w('heading.sources')}: {', '.join(step.sources)}", style="not bold dim")
            lines.append(text)
        lines.append(Text("\n" + self.w("heading.evidence"), style="bold"))
        for item in self.d.evidence:
            place = self.w("line", line=item.line) if item.line else self.w("stated_option")
            mark = "" if item.used else f" ({self.w('overruled')})"
            lines.append(
                Text(
                    f"{item.fact} = {_value(item.value)}{mark}  {place}: {item.quote}", style="" if item.used else "dim"
                )
            )
        if self.d.sources:
            lines.append(Text("\n" + self.w("heading.sources"), style="bold"))
            lines += [Text(f"{source.id}: {source.title} {source.url}".rstrip()) for source in self.d.sources]
        return Group(*lines)


def _right(cells: Iterable[str], widths: Iterable[int], style: str) -> Text:
    """The cells right-aligned in columns of these widths."""
    return Text(
        "".join(" " * (width - cell_len(cell)) + cell for cell, width in zip(cells, widths, strict=True)), style=style
    )


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.4g}"
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
