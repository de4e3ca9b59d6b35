"""Where the memory goes: lines of bars for a fixed-width block, the same as a picture, and the same in words for its alt text."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.facts import Lang
from advisor.render.plot import COLOURS, FONT, REST, escape
from advisor.render.slack.inert import clean, cut, prose
from advisor.render.slack.words import w
from advisor.report import Component, EstimateReport
from advisor.units import format_gib

CELLS = 22
_PARTS = 6
_EIGHTHS = " ▏▎▍▌▋▊▉"
_WIDTH, _HEIGHT, _LEFT, _ROW = 760.0, 250.0, 24.0, 34.0


def largest(components: Sequence[Component], lang: Lang) -> list[Component]:
    """The largest parts, the small ones joined as the rest."""
    parts = sorted(components, key=lambda part: -part.gib)
    total = sum(part.gib for part in parts)
    kept = [part for part in parts[:_PARTS] if part.gib >= 0.01 * total]
    rest = total - sum(part.gib for part in kept)
    if rest > 0.004 * total:
        kept.append(Component("rest", w("component.rest", lang), rest))
    return kept


def _bar(gib: float, scale: float) -> str:
    """A bar in eighths of a character, at least a hair where there is something."""
    eighths = max(1 if gib > 0 else 0, round(min(1.0, gib / scale) * CELLS * 8)) if scale > 0 else 0
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def bars(estimate: EstimateReport, card: str, lang: Lang, after: tuple[float, float, float] | None = None) -> str:
    """One line a part, to one scale: size, bar, name. The names stand last, since not every font gives Chinese two cells.

    Args:
        card: the card's name.
        after: the need with the chosen changes and its interval, GiB.
    """
    capacity = estimate.capacity_gib
    scale = max(estimate.need_gib, capacity or 0.0, after[0] if after else 0.0)
    interval = f"{format_gib(estimate.need_low_gib)} ~ {format_gib(estimate.need_high_gib)}"
    rows = [(part.gib, prose(part.title, 40)) for part in largest(estimate.components, lang)]
    total = [(estimate.need_gib, f"{w('needed', lang)} ({interval})")]
    if after is not None:
        total.append((after[0], f"{w('after', lang)} ({format_gib(after[1])} ~ {format_gib(after[2])})"))
    if capacity is not None:
        total.append((capacity, w("usable", lang, card=prose(card, 40))))
    lines = [f"{format_gib(gib):>9} {_bar(gib, scale):<{CELLS}} {name}" for gib, name in rows]
    lines.append("─" * (10 + CELLS))
    lines += [f"{format_gib(gib):>9} {_bar(gib, scale):<{CELLS}} {name}" for gib, name in total]
    return "\n".join(lines)


def alt_text(estimate: EstimateReport, lang: Lang) -> str:
    """The picture in words, for people who can't see it."""
    parts = w("comma", lang).join(
        f"{prose(part.title, 40)} {format_gib(part.gib)}" for part in largest(estimate.components, lang)
    )
    capacity = ""
    if estimate.capacity_gib is not None:
        capacity = w("alt_capacity", lang, capacity=format_gib(estimate.capacity_gib))
    return cut(w("alt", lang, parts=parts, need=format_gib(estimate.need_gib), capacity=capacity), 900)


def picture(estimate: EstimateReport, card: str, lang: Lang) -> str:
    """The parts as one stacked bar against the card, as an SVG."""
    parts = largest(estimate.components, lang)
    scale = max(estimate.need_high_gib, estimate.capacity_gib or 0.0, 1e-6)
    wide = _WIDTH - 2 * _LEFT
    columns = 2
    rows = (len(parts) + columns - 1) // columns
    height = _HEIGHT - 4 * _ROW + rows * 26 + 84

    def x(gib: float) -> float:
        return _LEFT + gib / scale * wide

    title = f"{w('heading.memory', lang)}: {format_gib(estimate.need_gib)}"
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH:g}" height="{height:g}" viewBox="0 0 {_WIDTH:g} {height:g}"'
        f' font-family="{FONT}" font-size="15" fill="#1d1c1d" role="img">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{_LEFT:g}" y="34" font-size="19" font-weight="600">{escape(title)}</text>',
    ]
    start = 0.0
    for index, part in enumerate(parts):
        colour = REST if part.id == "rest" else COLOURS[index % len(COLOURS)]
        width = part.gib / scale * wide
        out.append(f'<rect x="{x(start):.1f}" y="56" width="{max(0.5, width):.1f}" height="46" fill="{colour}"/>')
        row, column = index % rows, index // rows
        left, top = _LEFT + column * wide / columns, 178 + row * 26
        label = escape(f"{cut(clean(part.title), 34)}  {format_gib(part.gib)}")
        out.append(f'<rect x="{left:.1f}" y="{top - 12:.1f}" width="15" height="15" fill="{colour}"/>')
        out.append(f'<text x="{left + 24:.1f}" y="{top + 1:.1f}">{label}</text>')
        start += part.gib
    low, high = x(estimate.need_low_gib), x(estimate.need_high_gib)
    out.append(
        f'<path d="M{low:.1f},112 V120 M{low:.1f},116 H{high:.1f} M{high:.1f},112 V120" stroke="#555" stroke-width="1.6" fill="none"/>'
    )
    interval = word_interval(estimate, lang)
    anchor, at = ("end", min(high, _LEFT + wide)) if high > _LEFT + wide / 2 else ("start", low)
    out.append(
        f'<text x="{at:.1f}" y="138" font-size="13" fill="#555" text-anchor="{anchor}">{escape(interval)}</text>'
    )
    if estimate.capacity_gib is not None:
        line = x(estimate.capacity_gib)
        label = f"{cut(clean(card), 30)}: {format_gib(estimate.capacity_gib)}"
        side, place = ("end", line - 7) if line > _LEFT + wide * 0.6 else ("start", line + 7)
        out.append(
            f'<path d="M{line:.1f},48 V156" stroke="#c1121f" stroke-width="2.5" stroke-dasharray="7 4" fill="none"/>'
        )
        out.append(
            f'<text x="{place:.1f}" y="156" font-size="14" font-weight="600" fill="#c1121f" text-anchor="{side}">{escape(label)}</text>'
        )
    return "\n".join([*out, "</svg>", ""])


def word_interval(estimate: EstimateReport, lang: Lang) -> str:
    """The 90 % interval of the need in words."""
    return w("interval", lang, low=format_gib(estimate.need_low_gib), high=format_gib(estimate.need_high_gib))
