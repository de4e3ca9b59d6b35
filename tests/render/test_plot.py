"""The plot of memory over one fact: areas that add up, the card's line in its place, both languages, sound XML."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from advisor.cli import cli
from advisor.errors import InputError
from advisor.library import load_library
from advisor.plan.fit import sweep
from advisor.render.plot import Point, plot

SVG = "{http://www.w3.org/2000/svg}"
POINTS = [
    Point(value, {"weights": 14.0, "activations": 2.0 * value, "context": 0.5}, 13.0 + value, 16.0 + 3.0 * value)
    for value in (1, 2, 4, 8)
]


def tree(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def texts(svg: str) -> list[str]:
    return [each.text or "" for each in tree(svg).iter(f"{SVG}text")]


def areas(svg: str) -> dict[str, list[list[float]]]:
    """Corners of the filled areas by colour."""
    found = {}
    for each in tree(svg).iter(f"{SVG}path"):
        fill = each.get("fill", "none")
        if fill != "none":
            corners = each.get("d", "").removeprefix("M").removesuffix(" Z").split(" L")
            found[fill] = [[float(number) for number in corner.split(",")] for corner in corners]
    return found


def height(corners: list[list[float]], index: int) -> float:
    """Pixels between the upper and the lower edge at the point `index`."""
    return corners[-1 - index][1] - corners[index][1]


def test_an_area_is_as_high_as_its_component() -> None:
    drawn = areas(plot(POINTS, "batch_size", "a run"))
    weights, activations = drawn["#0072B2"], drawn["#009E73"]
    for index, point in enumerate(POINTS):
        assert height(activations, index) / height(weights, index) == pytest.approx(2.0 * point.value / 14.0, abs=0.02)
    assert weights[4:] == [[x, weights[-1][1]] for x, _ in reversed(weights[:4])]  # it stands on the axis
    interval = drawn["url(#hatch)"]
    assert height(interval, 3) / height(weights, 3) == pytest.approx((40.0 - 21.0) / 14.0, abs=0.02)


def test_the_line_of_the_card_is_at_its_capacity() -> None:
    svg = plot(POINTS, "seq_len", "a run", capacity=28.0, card="RTX <5090>")
    line = next(each for each in tree(svg).iter(f"{SVG}line") if each.get("stroke") == "#c1121f")
    weights = areas(svg)["#0072B2"]
    bottom = weights[-1][1]
    assert (bottom - float(line.get("y1", "0"))) / height(weights, 0) == pytest.approx(2.0, abs=0.01)
    assert "RTX <5090>: 28.0 GiB" in texts(svg)
    assert not any("GiB" in text for text in texts(plot(POINTS, "seq_len", "a run")) if "(" not in text)


def test_axes_and_legend_are_in_both_languages() -> None:
    english, chinese = texts(plot(POINTS, "batch_size", "a run")), texts(plot(POINTS, "batch_size", "a run", lang="zh"))
    assert {
        "memory of one GPU (GiB)",
        "batch size per GPU",
        "weights",
        "activations",
        "90 % interval of the need",
    } <= set(english)
    assert {"单卡显存(GiB)", "单卡 batch size", "权重", "激活值"} <= set(chinese)
    assert {"1", "8"} <= set(english)


def test_many_small_components_are_drawn_as_one() -> None:
    names = [f"part{number}" for number in range(20)]
    points = [Point(value, dict.fromkeys(names, 1.0), 15.0, 25.0) for value in (1, 2)]
    drawn = areas(plot(points, "batch_size", "a run"))
    assert len(drawn) == 9  # seven, the rest and the interval
    assert height(drawn["#999999"], 0) == pytest.approx(13 * height(drawn["#0072B2"], 0), rel=0.02)


@given(
    title=st.text(max_size=80), card=st.text(max_size=80), numbers=st.lists(st.floats(0, 1e6), min_size=2, max_size=12)
)
def test_any_text_and_any_size_gives_sound_xml(title: str, card: str, numbers: list[float]) -> None:
    points = [Point(1 + index, {"weights": gib}, gib / 2, gib * 2) for index, gib in enumerate(numbers)]
    svg = plot(points, "batch_size", title, capacity=numbers[0], card=card)
    tree(svg.encode("utf-8", "replace").decode())
    assert "nan" not in svg


def test_the_curve_reaches_past_what_fits() -> None:
    from advisor.estimate import estimate
    from advisor.plan import need_gib

    library = load_library()
    spec = {"model": "Qwen2.5-0.5B", "method": "lora", "seq_len": 512, "gpu_name": "RTX 4090"}
    values = sweep(spec, "batch_size", lambda words: estimate(words, library), 23.6)
    assert values[0] == 1
    assert need_gib(estimate({**spec, "batch_size": values[-1]}, library)) > 23.6


def run(*arguments: str) -> Result:
    return CliRunner().invoke(
        cli,
        ["estimate", "--model", "Qwen2.5-0.5B", "--method", "lora", "--gpu", "T4", *arguments],
        standalone_mode=False,
    )


def test_the_command_writes_an_svg(tmp_path: Path) -> None:
    result = run("--plot", str(tmp_path / "a.svg"), "--vary", "seq_len", "--lang", "zh")
    assert result.exception is None, result.exception
    assert "a.svg" in result.stderr
    assert "CUDA" not in result.stderr
    assert "权重" in result.stdout
    assert "序列长度(token)" in texts((tmp_path / "a.svg").read_text(encoding="utf-8"))


def test_a_png_goes_through_cairosvg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cairosvg", None)
    error = run("--plot", str(tmp_path / "a.png")).exception
    assert isinstance(error, InputError)
    assert "vram-advisor[plot]" in error.hint
    module = ModuleType("cairosvg")
    module.svg2png = lambda bytestring, scale: b"PNG" + bytestring[:4]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cairosvg", module)
    assert run("--plot", str(tmp_path / "a.png")).exception is None
    assert (tmp_path / "a.png").read_bytes() == b"PNG<svg"


@pytest.mark.parametrize("name", ["a.pdf", "gone/a.svg"])
def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path, name: str) -> None:
    error = run("--plot", str(tmp_path / name)).exception
    assert isinstance(error, InputError)
    assert error.hint
