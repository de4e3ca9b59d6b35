"""The answer to one text as a message: verdict, bars, reasons, remedies, plan, exact changes, and what one can press."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from advisor.facts import VRAM_KINDS, Lang
from advisor.render.said import largest_notes, largest_table, respected
from advisor.render.slack.blocks import (
    MAX_BLOCKS,
    MAX_CHARACTERS,
    Block,
    Element,
    bullets,
    context,
    divider,
    emoji,
    line_break,
    preformatted,
    rich,
    section,
    span,
    weight,
)
from advisor.render.slack.controls import Controls, control_blocks
from advisor.render.slack.inert import clean, fallback, prose, size
from advisor.render.slack.memory import bars
from advisor.render.slack.words import w
from advisor.report import Change, Component, Diagnosis, EditReport, Largest, RemedyReport
from advisor.units import format_gib

REPORT_NAME = "vram-report.txt"
MAX_REMEDIES = 5
MAX_CODE = 900  # characters of one block of code
MAX_CHANGES = 6  # blocks of code
_SHOWN = ("gpu_name", "gpu_count", "model", "params_b", "framework", "method", "quantization", "precision", "optimizer", "batch_size",
          "grad_accum", "seq_len", "max_model_len", "zero_stage", "gradient_checkpointing")  # fmt: skip
_LABELLED = {"gpu_count": "x{} GPU", "params_b": "{}B", "batch_size": "batch {}", "grad_accum": "accumulate {}", "seq_len": "{} tokens",
             "max_model_len": "max_model_len {}", "zero_stage": "ZeRO {}"}  # fmt: skip


class Attachment(Struct, frozen=True):
    """A file that goes with a message: what was too long for it."""

    name: str
    title: str
    content: str


class Applied(Struct, frozen=True):
    """The run with the ticked remedies, estimated again: their titles, the need and its interval (GiB), step time, exact changes.

    `need` is None where nothing can be estimated; `notes` say what could not be combined.
    """

    steps: tuple[str, ...]
    titles: tuple[str, ...]
    need: tuple[float, float, float] | None = None
    fits: bool | None = None
    time_factor: float = 1.0
    parts: tuple[Component, ...] = ()
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()


class SlackMessage(Struct, frozen=True):
    """What is sent: fallback text (escaped), blocks within Slack's limits, and files with what did not fit."""

    text: str
    blocks: list[Block]
    files: tuple[Attachment, ...] = ()

    def body(self) -> dict[str, Any]:
        """The arguments of chat.postMessage and of a response_url that show this and nothing else: no unfurling, no parsing."""
        return {
            "text": self.text, "blocks": self.blocks, "unfurl_links": False, "unfurl_media": False, "mrkdwn": False, "parse": "none",
        }  # fmt: skip


def render_slack(
    diagnosis: Diagnosis,
    *,
    controls: Controls | None = None,
    applied: Applied | None = None,
    edit: EditReport | None = None,
    attach: bool = False,
    notes: Sequence[str] = (),
) -> SlackMessage:
    """The diagnosis as a message of Slack.

    Args:
        controls: what can be pressed; None for none.
        applied: the ticked remedies, estimated again.
        edit: the person's own command or configuration with the plan (or what is ticked) written in, shown instead of the
            single changes.
        attach: whether files can be sent along; what is shortened is then said to be in the file.
        notes: further sentences, such as which file could not be read.
    """
    answer = _Answer(diagnosis, applied, edit)
    parts = list(answer.parts())
    if notes:
        parts.append((2, [context(notes, 250)]))
    note = context([w("shortened_file" if attach else "shortened", diagnosis.lang)])
    buttons = control_blocks(diagnosis, controls, applied.steps if applied else ()) if controls else []
    room = MAX_CHARACTERS - weight(buttons) - weight(note)
    places = MAX_BLOCKS - len(buttons) - 1
    short = answer.short
    while parts and (_weight(parts) > room or sum(len(part) for _, part in parts) > places):
        # The least important part gives way first; the verdict (0) stays.
        worst = max(range(len(parts)), key=lambda index: (parts[index][0], index))
        if parts[worst][0] == 0:
            break
        del parts[worst]
        short = True
    blocks = [block for _, part in parts for block in part]
    if short:
        blocks.append(note)
    files: tuple[Attachment, ...] = ()
    if attach and short:
        files = (attachment(diagnosis),)
    return SlackMessage(fallback(diagnosis.verdict), [*blocks, *buttons], files)


def attachment(diagnosis: Diagnosis) -> Attachment:
    """The whole report as a text file: all remedies, all changes, the rules and the lines behind them."""
    from advisor.render.text import render_text

    text = render_text(diagnosis, explain=True, everything=True, width=110)
    return Attachment(REPORT_NAME, w("file_title", diagnosis.lang), clean(text, lines=True))


def _weight(parts: Sequence[tuple[int, list[Block]]]) -> int:
    return sum(weight(part) for _, part in parts)


class _Answer:
    """The parts of one answer, each with how readily it gives way (0: never)."""

    def __init__(self, diagnosis: Diagnosis, applied: Applied | None, edit: EditReport | None) -> None:
        self.d = diagnosis
        self.lang: Lang = diagnosis.lang
        self.applied = applied
        self.edit = edit if edit is not None and edit.blocks else None
        self.short = False

    def w(self, key: str, **values: object) -> str:
        return w(key, self.lang, **values)

    def parts(self) -> Iterator[tuple[int, list[Block]]]:
        d = self.d
        yield 0, [rich(section(self._verdict()))]
        facts = self._facts()
        if facts:
            yield 5, [context([facts])]
        for item in d.largest:
            yield 1, self._largest(item)
        if d.respected:
            yield 1, [context([respected(d)], 400)]
        if d.estimate is not None and d.estimate.components:
            yield 1, list(self._memory())
        if d.causes:
            yield 4, [rich(section([span(self.w("heading.why"), 100, bold=True)]), bullets(self._causes()))]
        if d.remedies:
            yield 2, list(self._remedies())
        elif d.failure.kind in VRAM_KINDS and not d.largest:
            yield 2, [rich(section([span(self.w("no_remedy"), 300)]))]
        if self.applied is not None and self.applied.steps:
            yield 1, list(self._applied(self.applied))
        elif d.plan is not None:
            yield 1, list(self._plan())
        elif d.remedies:
            changes = d.remedies[0].changes[:1] if d.failure.kind in VRAM_KINDS else ()
            if changes:
                title = section([span(self.w("first_change", title=d.remedies[0].title), 200, bold=True)])
                yield 3, [rich(title, *self._changes(changes))]
        if d.hardware:
            yield 7, [context([d.hardware])]
        if d.questions:
            yield (
                6,
                [
                    rich(section([span(self.w("heading.questions"), 100, bold=True)]), bullets(self._questions())),
                ],
            )
        if d.redactions:
            yield 1, [context([self.w("redacted", count=d.redactions)])]

    def _largest(self, item: Largest) -> list[Block]:
        _, *rows = largest_table(item, self.d)
        lines = [
            [
                span(f"{title}: ", 100),
                span(sure, 40, bold=True),
                span(f" / {likely}{f' ({note})' if note else ''}", 120),
            ]
            for title, sure, likely, note in rows
        ]
        heading = f"{self.w('heading.largest')}: {self.w('largest.sure')} / {self.w('largest.likely')}"
        return [
            rich(section([span(heading, 120, bold=True)]), bullets(lines)),
            context(largest_notes(item, self.d), 300),
        ]

    def _verdict(self) -> list[Element]:
        kind = self.d.failure.kind
        text = self.d.verdict
        mark = {"question": "mag", "none": "white_check_mark", "other_error": "information_source"}.get(kind, "warning")
        ends = [place for place in (text.find(". "), text.find("。")) if place > 0]
        end = min(ends) + 1 if ends else len(text)
        spans = [emoji(mark), span(f" {text[:end]}", 420, bold=True)]
        if text[end:].strip():
            spans.append(span(f" {text[end:].strip()}", 420))
        self.short |= size(text) > 840
        return spans

    def _facts(self) -> str:
        shown = []
        for name in _SHOWN:
            value = self.d.facts.get(name)
            if (
                value is None
                or (name == "params_b" and "model" in self.d.facts)
                or (name == "gpu_count" and value == 1)
            ):
                continue
            if isinstance(value, bool):
                shown.append(f"{name} {self.w('yes' if value else 'no')}")
                continue
            text = f"{value:g}" if isinstance(value, float) else str(value)
            shown.append(_LABELLED[name].format(prose(text, 60)) if name in _LABELLED else prose(text, 60))
        return " · ".join(shown)

    @property
    def card(self) -> str:
        return str(self.d.facts.get("gpu_name") or self.w("this_card"))

    def _memory(self) -> Iterator[Block]:
        estimate = self.d.estimate
        if estimate is None:
            return
        after = self.applied.need if self.applied is not None and self.applied.steps else None
        title = [span(self.w("heading.memory"), 100, bold=True)]
        if estimate.phase:
            title.append(span(f"  {self.w('peak_in', where=self.w(f'phase.{estimate.phase}'))}", 120))
        yield rich(section(title), preformatted(bars(estimate, self.card, self.lang, after), 1400))
        notes = []
        if estimate.assumed:
            listed = ", ".join(f"{name}={_value(value)}" for name, value in estimate.assumed.items())
            notes.append(self.w("assumed", list=listed))
        notes += estimate.warnings[:3]
        if notes:
            yield context(notes, 300)

    def _causes(self) -> list[list[Element]]:
        return [
            [span(cause.title, 100, bold=True), span(f" ({cause.confidence:.0%}): {cause.because}", 320)]
            for cause in self.d.causes[:3]
        ]

    def _remedies(self) -> Iterator[Block]:
        d = self.d
        heading = "heading.remedies" if d.failure.kind in VRAM_KINDS else "heading.help"
        rows = []
        for remedy in d.remedies[:MAX_REMEDIES]:
            row = [span(remedy.title, 140, bold=True)]
            figures = self._figures(remedy)
            if figures:
                row += [line_break(), span(figures, 240)]
            if remedy.because:
                row += [line_break(), span(remedy.because, 260, italic=True)]
            self.short |= size(remedy.title) > 140 or size(remedy.because) > 260
            rows.append(row)
        yield divider()
        yield rich(section([span(self.w(heading), 100, bold=True)]), bullets(rows, ordered=True))
        if len(d.remedies) > MAX_REMEDIES:
            yield context([self.w("more_remedies", count=len(d.remedies) - MAX_REMEDIES)])

    def _figures(self, remedy: RemedyReport) -> str:
        """What it saves and costs, in a line; what is as before is not said."""
        shown = []
        if remedy.saves is not None:
            shown.append(self.w("saves", gib=format_gib(remedy.saves.expected)))
        if remedy.peak_after_gib is not None:
            shown.append(self.w("peak", gib=format_gib(remedy.peak_after_gib)))
        if remedy.fits is not None:
            shown.append(self.w("fits" if remedy.fits else "fits_not"))
        percent = round((remedy.time_cost - 1) * 100)
        if percent:
            shown.append(self.w("slower" if percent > 0 else "faster", percent=abs(percent)))
        if remedy.quality_risk in ("low", "medium", "high"):
            shown.append(self.w(f"risk.{remedy.quality_risk}"))
        if remedy.effort in ("code", "hardware"):
            shown.append(self.w(f"effort.{remedy.effort}"))
        return " · ".join(shown)

    def _plan(self) -> Iterator[Block]:
        plan = self.d.plan
        if plan is None:
            return
        heading = plan.heading
        capacity = self.d.estimate.capacity_gib if self.d.estimate else None
        line = self.w("together", peak=format_gib(plan.peak_gib))
        if capacity is not None:
            line += self.w("of_card", capacity=format_gib(capacity)) + self.w("it_fits" if plan.fits else "it_fits_not")
        yield divider()
        yield rich(
            section([span(self.w(heading), 100, bold=True)]),
            bullets([span(title, 160)] for title in plan.titles[:8]),
            section([span(line, 200, bold=True)]),
            *self._changes(plan.changes),
        )

    def _applied(self, applied: Applied) -> Iterator[Block]:
        before = self.d.estimate
        if applied.need is None or before is None:
            line = self.w("applied_unknown")
        else:
            line = self.w(
                "applied",
                before=format_gib(before.need_gib),
                after=format_gib(applied.need[0]),
            )
            if before.capacity_gib is not None:
                line += self.w("of_card", capacity=format_gib(before.capacity_gib))
            if applied.fits is not None:
                line += self.w("it_fits" if applied.fits else "it_fits_not")
            if abs(applied.time_factor - 1) >= 0.005:
                line += f" · {self.w('time_factor', factor=f'{applied.time_factor:.2f}')}"
        yield divider()
        yield rich(
            section([span(line, 300, bold=True)]),
            bullets([span(title, 160)] for title in applied.titles[:10]),
            *self._changes(applied.changes),
        )
        if applied.notes:
            yield context(applied.notes, 300)

    def _changes(self, changes: Sequence[Change]) -> Iterator[Element]:
        """What to copy: the person's own command or configuration with all of it written in, then what has no place there."""
        if self.edit is not None:
            yield section([span(self.w("exact"), 100)])
            for block in self.edit.blocks[:2]:
                self.short |= size(block) > 2 * MAX_CODE
                yield preformatted(block, 2 * MAX_CODE)
            self.short |= len(self.edit.blocks) > 2
            changes = [change for unwritten in self.edit.rest for change in unwritten.changes[:1]]
        for change in changes[:MAX_CHANGES]:
            self.short |= size(change.text) > MAX_CODE
            if change.kind == "prose":
                yield section([span(change.text, MAX_CODE)])
            else:
                yield preformatted(change.text, MAX_CODE)
            if change.note:
                yield section([span(change.note, 300, italic=True)])
        self.short |= len(changes) > MAX_CHANGES

    def _questions(self) -> list[list[Element]]:
        return [
            [span(question.text, 200), *([span(f" ({question.why})", 100)] if question.why else [])]
            for question in self.d.questions[:5]
        ]


def _value(value: object) -> str:
    return ("false", "true")[value] if isinstance(value, bool) else str(value)
