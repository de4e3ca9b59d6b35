"""A memory snapshot in words: the timeline, the lines of code that held the memory, free pieces, what piles up; the diagnosis follows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from advisor.facts import Lang
from advisor.render.layout import Row, cells, plain, wrap
from advisor.render.markdown import escape
from advisor.snapshot.summary import Device, Summary
from advisor.units import format_gib
from advisor.wording import WORDS, word

MAX_PLACES = 8
_LEVELS = "▁▂▃▄▅▆▇█"
_ASCII_LEVELS = ".:-=+*#@"


def render_snapshot(summary: Summary, lang: Lang, *, width: int, file: TextIO) -> None:
    """Prints the devices of a snapshot as plain text."""
    encoding = (getattr(file, "encoding", None) or "utf-8").lower().replace("-", "")
    ascii_only = not encoding.startswith("utf")
    rows: list[Row] = []
    for index, device in enumerate(summary.devices):
        if index:
            rows.append([])
        if len(summary.devices) > 1:
            rows += wrap([(word("snapshot.device", lang, index=device.index), "bold")], width)
        rows += _rows(device, lang, width, ascii_only=ascii_only)
    text = plain(rows)
    file.write(text.encode(encoding, "replace").decode(encoding) if ascii_only else text)


def render_snapshot_markdown(summary: Summary, lang: Lang) -> str:
    """The devices of a snapshot as Markdown."""
    blocks = []
    for device in summary.devices:
        if len(summary.devices) > 1:
            blocks.append(f"## {word('snapshot.device', lang, index=device.index)}")
        for heading, lines in _sections(device, lang, _LEVELS):
            blocks.append(f"### {word(heading, lang)}")
            blocks.append("\n".join(f"- {escape(line)}" for line in lines))
    return "\n\n".join(blocks) + "\n"


def _rows(device: Device, lang: Lang, width: int, *, ascii_only: bool) -> Iterator[Row]:
    levels = _ASCII_LEVELS if ascii_only else _LEVELS
    for index, (heading, lines) in enumerate(_sections(device, lang, levels)):
        if index:
            yield []
        yield from wrap([(word(heading, lang), "bold")], width)
        for line in lines:
            for row in wrap([(line, "")], width - 2, rest="  "):
                yield [("  ", ""), *row]


def _sections(device: Device, lang: Lang, levels: str) -> Iterator[tuple[str, list[str]]]:
    key = "snapshot.events" if device.peak_at >= 0 else "snapshot.no_events"
    figures = {"peak": format_gib(device.peak_gib), "at": device.peak_at + 1, "events": device.events}
    lines = [word(key, lang, **figures)]
    if device.timeline:
        lines.append(_line(device.timeline, levels))
    if not device.stacks:
        lines.append(word("snapshot.no_stacks", lang))
    yield "heading.timeline", lines
    if device.places:
        yield "heading.places", _places(device, lang)
    pieces = _pieces(device, lang)
    if pieces:
        yield "heading.pieces", pieces
    if device.growth:
        yield (
            "heading.growth",
            [
                word(
                    "snapshot.growth",
                    lang,
                    place=each.place,
                    count=each.count,
                    gib=format_gib(each.gib),
                    steps=each.steps,
                    of_steps=each.of_steps,
                )
                for each in device.growth
            ],
        )


def _pieces(device: Device, lang: Lang) -> list[str]:
    fragments = device.fragments
    lines = []
    if fragments.split_gib > 0:
        figures = {"split": format_gib(fragments.split_gib), "largest": format_gib(fragments.largest_split_gib)}
        lines.append(word("snapshot.pieces", lang, pieces=fragments.pieces, **figures))
    if fragments.cached_gib > 0:
        lines.append(word("snapshot.cached", lang, cached=format_gib(fragments.cached_gib)))
    if device.oom is not None and fragments.too_small_for(device.oom.size_gib):
        lines.append(word("snapshot.too_small", lang, size=format_gib(device.oom.size_gib)))
    return lines


def _places(device: Device, lang: Lang) -> list[str]:
    shown = device.places[:MAX_PLACES]
    room = max(len(format_gib(place.gib)) for place in shown)
    lines = []
    for place in shown:
        key = f"component.{place.category}"
        category = word(key, lang) if key in WORDS else place.category
        count = word("snapshot.block" if place.count == 1 else "snapshot.blocks", lang, count=place.count)
        size = format_gib(place.gib)
        lines.append(f"{' ' * (room - cells(size))}{size}  {place.place}  ({category}, {count})")
    return lines


def _line(points: tuple[float, ...], levels: str) -> str:
    """A line of bars, one a point, up to the highest."""
    top = max(points) or 1.0
    last = len(levels) - 1
    return "".join(levels[min(last, round(point / top * last))] for point in points)
