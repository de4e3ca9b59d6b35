"""Memory over batch size or length as an SVG: stacked components, the interval, and the card's line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape as _escape

from msgspec import Struct

from advisor.facts import Lang
from advisor.units import format_gib
from advisor.wording import word

# Colours that stay apart for the colour-blind (Okabe and Ito, 2008): the same for a component in every plot, as far as they reach.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
REST = "#999999"
_OWN = {
    "weights": 0,
    "logits": 1,
    "activations": 2,
    "optimizer": 3,
    "kv_cache": 3,
    "gradients": 4,
    "casts": 5,
    "context": 6,
}
_WIDTH, _HEIGHT = 860.0, 500.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 74.0, 236.0, 58.0, 60.0
_LARGEST = 7
"""Components with an area of their own; the smaller ones are drawn as one."""
FONT = "system-ui, 'Noto Sans', 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', sans-serif"


class Point(Struct, frozen=True):
    """One estimate: the value of the fact, GiB by component, and the interval of the card's need."""

    value: int
    parts: dict[str, float]
    low: float
    high: float

    @property
    def total(self) -> float:
        return sum(self.parts.values())


def plot(
    points: Sequence[Point], fact: str, title: str, *, capacity: float | None = None, card: str = "", lang: Lang = "en"
) -> str:
    """The SVG of at least two points in rising order of value.

    Args:
        fact: `batch_size` or `seq_len`, for the axis.
        title: what runs, in a few words; escaped here.
        capacity: GiB of the card's line; None draws none.
    """
    names = _order(points)
    top = _round_up(max(max(max(point.total, point.high) for point in points), (capacity or 0.0) * 1.08))
    first, last = points[0].value, points[-1].value
    wide, tall = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def x(value: float) -> float:
        return _LEFT + (value - first) / max(1, last - first) * wide

    def y(gib: float) -> float:
        return _TOP + (1 - gib / top) * tall

    def path(upper: Sequence[float], lower: Sequence[float]) -> str:
        there = [f"{x(point.value):.1f},{y(gib):.1f}" for point, gib in zip(points, upper, strict=True)]
        back = [f"{x(point.value):.1f},{y(gib):.1f}" for point, gib in zip(points, lower, strict=True)]
        return "M" + " L".join([*there, *reversed(back)]) + " Z"

    out = [_head(title)]
    for gib in _ticks(top):
        out.append(f'<line x1="{_LEFT}" x2="{_LEFT + wide}" y1="{y(gib):.1f}" y2="{y(gib):.1f}" stroke="#e3e3e3"/>')
        out.append(_text(_LEFT - 8, y(gib) + 4, f"{gib:g}", "end"))
    below = [0.0] * len(points)
    colours = _colours(names)
    for name in names:
        above = [base + _size(point, name, names) for base, point in zip(below, points, strict=True)]
        out.append(f'<path d="{path(above, below)}" fill="{colours[name]}" fill-opacity="0.85"/>')
        below = above
    out.append(
        f'<path d="{path([p.high for p in points], [p.low for p in points])}" fill="url(#hatch)" stroke="#333" stroke-width="0.8"/>'
    )
    for value in _values(first, last):
        out.append(f'<line x1="{x(value):.1f}" x2="{x(value):.1f}" y1="{y(0):.1f}" y2="{y(0) + 5:.1f}" stroke="#333"/>')
        out.append(_text(x(value), y(0) + 20, f"{value:,}", "middle"))
    out.append(f'<path d="M{_LEFT},{_TOP} V{y(0):.1f} H{_LEFT + wide}" fill="none" stroke="#333"/>')
    out.append(_text(_LEFT + wide / 2, _HEIGHT - 16, word(f"plot.{fact}", lang), "middle", size=14))
    turned = f'transform="translate(20 {_TOP + tall / 2}) rotate(-90)" text-anchor="middle" font-size="14"'
    out.append(f"<text {turned}>{escape(word('plot.memory', lang))}</text>")
    if capacity is not None:
        label = f"{card or word('this_card', lang)}: {format_gib(capacity)}"
        line = y(capacity)
        across = f'x1="{_LEFT}" x2="{_LEFT + wide}" y1="{line:.1f}" y2="{line:.1f}"'
        out.append(f'<line {across} stroke="#c1121f" stroke-width="2" stroke-dasharray="8 4"/>')
        # White under the letters keeps them readable on any area; as an element of its own, since not every viewer knows paint-order.
        for style in (' stroke="#fff" stroke-width="4" stroke-linejoin="round"', ""):
            out.append(_text(_LEFT + 8, line - 7, label, "start", fill="#c1121f", extra=f' font-weight="600"{style}'))
    out += _legend(names, colours, _LEFT + wide + 18, lang)
    return "\n".join([*out, "</svg>", ""])


def _order(points: Sequence[Point]) -> list[str]:
    """Components from the bottom up: what doesn't grow first, so that what grows is seen growing; the small ones as `rest`."""
    largest = {name: max(point.parts.get(name, 0.0) for point in points) for point in points for name in point.parts}
    kept = sorted((name for name in largest if name != "rest"), key=lambda name: -largest[name])
    least = 0.005 * max(point.total for point in points)
    shown = [name for name in kept[:_LARGEST] if largest[name] > least]
    grown = {name: points[-1].parts.get(name, 0.0) - points[0].parts.get(name, 0.0) for name in shown}
    shown.sort(key=lambda name: (round(max(0.0, grown[name]) / (4 * least)), -largest[name]))
    return [*shown, "rest"] if len(shown) < len(largest) else shown


def _colours(names: Sequence[str]) -> dict[str, str]:
    taken: dict[str, str] = {"rest": REST}
    for name in [*(each for each in names if each in _OWN), *names]:
        if name not in taken:
            own = COLOURS[_OWN.get(name, 0)]
            taken[name] = (
                own
                if name in _OWN and own not in taken.values()
                else next(each for each in COLOURS if each not in taken.values())
            )
    return taken


def _size(point: Point, name: str, names: Sequence[str]) -> float:
    if name == "rest":
        return point.total - sum(point.parts.get(each, 0.0) for each in names if each != "rest")
    return point.parts.get(name, 0.0)


def _step(span: float, count: int) -> float:
    """The step of 1, 2 or 5 times a power of ten that divides `span` into at most `count` parts."""
    rough = max(span, 1e-9) / count
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)


def _round_up(gib: float) -> float:
    gib = max(gib, 1e-3)
    step = _step(gib, 6)
    return math.ceil(gib / step - 1e-9) * step


def _ticks(top: float) -> list[float]:
    step = _step(top, 6)
    return [round(index * step, 9) for index in range(int(top / step + 1e-6) + 1)]


def _values(first: int, last: int) -> list[int]:
    """Round values along the axis, with the first and the last."""
    step = max(1, int(_step(last - first, 6)))
    middle = [
        value
        for value in range(math.ceil(first / step) * step, last, step)
        if value - first >= step / 2 and last - value >= step / 2
    ]
    return [first, *middle, last] if last > first else [first]


def escape(text: str) -> str:
    """Text for XML, without the control characters that XML has no place for."""
    return _escape("".join(char for char in text if char.isprintable()))


def _head(title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH:g}" height="{_HEIGHT:g}" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}"'
        f' font-family="{FONT}" font-size="12.5" fill="#222" role="img">\n<title>{escape(title)}</title>\n'
        '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<line x1="0" x2="0" y1="0" y2="6" stroke="#333" stroke-width="1" stroke-opacity="0.45"/></pattern></defs>\n'
        f'<rect width="100%" height="100%" fill="#fff"/>\n'
        f'<text x="{_LEFT:g}" y="32" font-size="16" font-weight="600">{escape(title)}</text>'
    )


def _text(
    x: float, y: float, text: str, anchor: str, *, size: float = 12.5, fill: str = "#222", extra: str = ""
) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size:g}" fill="{fill}"{extra}>{escape(text)}</text>'


def _legend(names: Sequence[str], colours: Mapping[str, str], left: float, lang: Lang) -> list[str]:
    """From the top down, as the areas lie."""
    rows = [("url(#hatch)", word("plot.interval", lang))]
    rows += [(colours[name], word(f"component.{name}", lang)) for name in reversed(names)]
    out = []
    for index, (fill, label) in enumerate(rows):
        top = _TOP + 4 + index * 24
        box = f'x="{left:.1f}" y="{top:.1f}" width="16" height="14"'
        out.append(f'<rect {box} fill="{fill}" fill-opacity="0.85" stroke="#666" stroke-width="0.6"/>')
        out.append(_text(left + 24, top + 12, label, "start"))
    return out
