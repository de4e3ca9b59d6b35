"""An estimate as text: the figures, a bar against the card, and the components with their formulas on request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TextIO

from rich.console import Console
from rich.text import Text

from advisor.facts import FactValue, Lang
from advisor.formula_words import formula, warning
from advisor.render.bars import COLOURS, stacked
from advisor.render.layout import listed
from advisor.units import format_gib
from advisor.wording import word


class _Part(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def gib(self) -> float: ...
    def explain(self) -> str: ...


class _Estimated(Protocol):
    """What an estimate offers to be printed."""

    @property
    def allocated_gib(self) -> float: ...
    @property
    def reserved_gib(self) -> float: ...
    @property
    def process_gib(self) -> float: ...
    @property
    def low_gib(self) -> float: ...
    @property
    def high_gib(self) -> float: ...
    @property
    def capacity_gib(self) -> float | None: ...
    @property
    def fits(self) -> bool | None: ...
    @property
    def phase(self) -> str: ...
    @property
    def assumed(self) -> Mapping[str, Any]: ...
    @property
    def warnings(self) -> Any: ...
    @property
    def components(self) -> Any: ...


def render_estimate(
    estimate: _Estimated,
    words: Mapping[str, FactValue],
    assumed: Mapping[str, FactValue],
    *,
    need: tuple[float, float, float],
    lang: Lang,
    explain: bool,
    file: TextIO,
) -> None:
    """Prints an estimate.

    Args:
        words: the specification that was estimated, for the card's name.
        assumed: what the framework's defaults added to it.
        need: GiB that the card must have: the interval's low end, by expectation, its high end.
        explain: show each component's formula with the numbers in.
    """
    console = Console(file=file, highlight=False, markup=False, emoji=False)
    encoding = (getattr(file, "encoding", None) or "utf-8").lower().replace("-", "")
    ascii_only = not encoding.startswith("utf")
    head = Text(format_gib(need[1]), style="bold")
    notes = [word("interval", lang, low=format_gib(need[0]), high=format_gib(need[2]))]
    if estimate.phase:
        notes.append(word("peak_in", lang, where=word(f"phase.{estimate.phase}", lang)))
    if estimate.capacity_gib is not None:
        card = str(words.get("gpu_name") or word("this_card", lang))
        notes.append(word("capacity_line", lang, card=card, capacity=format_gib(estimate.capacity_gib)))
        notes.append(f"{word('column.fits', lang)}: {word('yes' if need[2] <= estimate.capacity_gib else 'no', lang)}")
    head.append("  " + "; ".join(notes), style="not bold")
    console.print(head)
    parts: list[_Part] = sorted(estimate.components, key=lambda part: -part.gib)
    bar = Text()
    for segment in stacked(
        [part.gib for part in parts], estimate.capacity_gib, min(console.width - 2, 100), ascii_only=ascii_only
    ):
        bar.append(
            segment.char * segment.cells, style="dim" if segment.part < 0 else COLOURS[segment.part % len(COLOURS)]
        )
    console.print(bar)
    for index, part in enumerate(parts):
        line = Text(f"{word(f'component.{part.id}', lang):32} ", style=COLOURS[index % len(COLOURS)])
        line.append(f"{format_gib(part.gib):>10}", style="default")
        if explain:
            line.append(f"  {formula(part.explain(), lang)}", style="dim")
        console.print(line, soft_wrap=explain)
    figures = {
        "max_memory_allocated": estimate.allocated_gib,
        "max_memory_reserved": estimate.reserved_gib,
        "nvidia-smi": estimate.process_gib,
    }
    for label, value in figures.items():
        console.print(Text(f"{label:32} {format_gib(value):>10}", style="dim"))
    taken = {**estimate.assumed, **assumed}
    if taken:
        console.print(Text(word("assumed", lang, list=listed(taken)), style="dim"))
    for text in estimate.warnings:
        console.print(Text(warning(text, lang), style="yellow"))
