"""`--plot FILE --vary FACT`: memory over one fact, as an SVG or, through cairosvg, a PNG."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from advisor.errors import InputError
from advisor.facts import Lang
from advisor.library import Library
from advisor.wording import word

VARY = ("batch_size", "seq_len")
_ENDINGS = (".svg", ".png")
_SCALE = 2.0
# cairosvg takes one font and no other for what it lacks, so a Chinese plot needs the system's own.
_CHINESE = {"darwin": "PingFang SC", "win32": "Microsoft YaHei"}
_CHINESE_ELSEWHERE = "Noto Sans CJK SC"


def write_plot(path: str, fact: str, words: Mapping[str, Any], library: Library, lang: Lang) -> None:
    """Estimates the run at values of `fact` and writes the picture; says so on stderr.

    Raises:
        InputError: the ending is neither .svg nor .png, cairosvg is missing, or the file can't be written.
        TooLittleKnown: the run can't be estimated.
    """
    from advisor.estimate import estimate
    from advisor.plan import beside_gib, need_gib
    from advisor.plan.fit import sweep
    from advisor.render.plot import Point, plot

    target = Path(path)
    if target.suffix.lower() not in _ENDINGS:
        raise InputError("a plot is an .svg or a .png", place=f"--plot {path}", hint="For example --plot memory.svg")
    convert = _converter(lang) if target.suffix.lower() == ".png" else None
    own = estimate(words, library)
    values = sweep(words, fact, lambda spec: estimate(spec, library), own.capacity_gib)
    points = []
    for value in values:
        found = estimate({**words, fact: value}, library)
        beside = beside_gib(found)
        parts = {part.id: part.gib for part in found.components}
        points.append(Point(value, {**parts, "context": beside}, found.low_gib + beside, need_gib(found)))
    picture = plot(
        points, fact, _title(words, fact), capacity=own.capacity_gib, card=str(words.get("gpu_name") or ""), lang=lang
    )
    try:
        if convert is None:
            target.write_text(picture, encoding="utf-8")
        else:
            target.write_bytes(convert(picture))
    except OSError as error:
        raise InputError(
            f"can't be written: {error.strerror or error}", place=path, hint="Name a file in a folder that is there."
        ) from None
    click.echo(word("plot.written", lang, path=path, fact=fact, low=values[0], high=values[-1]), err=True)


def _title(words: Mapping[str, Any], fact: str) -> str:
    """What runs: the model, the method or task, and the other size."""
    arch = words.get("arch")
    kind = str(arch.get("model_type") or "") if isinstance(arch, Mapping) else ""
    size = f"{words['params_b']:g}B" if isinstance(words.get("params_b"), int | float) else ""
    name = str(words.get("model") or words.get("hf_id") or f"{kind} {size}".strip())
    does = words.get("method") or words.get("task")
    others = [
        f"{other}={words[other]}"
        for other in (*VARY, "precision", "quantization", "framework")
        if other != fact and other in words
    ]
    return ", ".join(str(each)[:60] for each in (name, does, *others) if each)[:100]


def _converter(lang: Lang) -> Callable[[str], bytes]:
    try:
        import cairosvg

        from advisor.render.plot import FONT
    except (ImportError, OSError):  # OSError: the package is there, the library cairo is not
        hint = "pip install 'vram-advisor[plot]' (it needs the library cairo), or write an .svg, which needs nothing."
        raise InputError("a .png needs cairosvg, which is not installed", place="--plot", hint=hint) from None
    font = _CHINESE.get(sys.platform, _CHINESE_ELSEWHERE) if lang == "zh" else "sans-serif"

    def convert(svg: str) -> bytes:
        made: bytes = cairosvg.svg2png(bytestring=svg.replace(FONT, font).encode(), scale=_SCALE)
        return made

    return convert
