"""The text output in every width, without colour, and with hostile content."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.render.bars import stacked
from advisor.render.layout import cells, cut, plain, wrap
from advisor.render.markdown import escape, fence, render_markdown
from advisor.render.text import render_text
from advisor.report import (
    Cause,
    Change,
    Component,
    Diagnosis,
    EstimateReport,
    Evidence,
    Failure,
    PlanReport,
    Question,
    RemedyReport,
    Saving,
    Step,
)

HOSTILE = "@everyone <script>alert(1)</script> [link](http://x) ``` \x1b[31mred\x1b[0m [bold]markup[/bold]"


def report(lang: str = "en", quote: str = "--per_device_train_batch_size 4") -> Diagnosis:
    sizes = {"weights": 14.2, "activations": 12.1, "optimizer": 3.0}
    components = tuple(Component(name, name, gib) for name, gib in sizes.items())
    rule = "activations-not-checkpointed"
    remedy = RemedyReport(
        rank=1, id="gradient_checkpointing", title="Turn on gradient checkpointing", what="Recomputes.",
        because="Activations hold 12.1 GiB.",
        changes=(Change("transformers", "--gradient_checkpointing True"),), time_cost=1.3, quality_risk="none", effort="flag",
        rules=("activations-not-checkpointed",), sources=("vlm-r1",), saves=Saving(8, 9.5, 10), peak_after_gib=20.1, fits=True,
    )  # fmt: skip
    return Diagnosis(
        lang=lang,  # type: ignore[arg-type]
        failure=Failure("vram_oom", "backward", 0.95),
        verdict="The GPU ran out of memory in the backward pass: the run needs about 29.6 GiB and RTX 4090 has 23.6 GiB.",
        facts={"gpu_name": "RTX 4090", "batch_size": 4, "gradient_checkpointing": False, "model": quote},
        evidence=(Evidence("batch_size", 4, 12, quote),),
        causes=(Cause("activations_too_large", "activations", 0.8, "Activations hold 12.1 GiB.", "activations-not-checkpointed"),),
        estimate=EstimateReport(29.3, 29.5, 29.6, 28.1, 31.0, 29.6, 28.4, 31.3, components, {"seq_len": 2048}, 23.6, False, "backward"),
        remedies=(remedy,),
        plan=PlanReport(
            "cheapest", ("gradient_checkpointing",), ("Turn on gradient checkpointing",), 20.1, True, remedy.changes
        ),
        questions=(Question("seq_len", "How long are the sequences?", "changes the estimate by 3.1 GiB"),),
        trace=(Step(rule, "cause", "Because.", ("kind = vram_oom",), ("cause activations_too_large 0.8",), ("vlm-r1",)),),
    )  # fmt: skip


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120, 200])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_no_line_is_wider_than_the_terminal(width: int, lang: str) -> None:
    text = render_text(report(lang), width=width, explain=True)
    code = "--gradient_checkpointing True"  # what is to be copied is never broken
    assert max(cells(line) for line in text.splitlines() if code not in line) <= width
    assert code in text
    assert "gradient_checkpointing" in text.replace("\n", "").replace(" ", "")


def test_everything_that_matters_is_there() -> None:
    text = render_text(report(), width=100)
    for said in (
        "29.6 GiB",
        "23.6 GiB",
        "weights",
        "9.5 GiB",
        "20.1 GiB",
        "+30 %",
        "--gradient_checkpointing True",
        "3.1 GiB",
        "seq_len=2048",
    ):
        assert said in text
    assert "\x1b" not in text


def test_a_terminal_gets_colours() -> None:
    from rich.console import Console

    stream = io.StringIO()
    render_text(report(), console=Console(file=stream, force_terminal=True, width=100), file=stream)
    assert "\x1b[" in stream.getvalue()


def test_an_ascii_stream_gets_ascii_bars() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", errors="strict")
    render_text(report(), width=80, file=stream)
    stream.flush()
    assert b"#" in raw.getvalue()


def test_hostile_quotes_neither_format_nor_ping() -> None:
    text = render_text(report(quote=HOSTILE), width=120, explain=True)
    assert "[bold]markup[/bold]" in text
    markdown = render_markdown(report(quote=HOSTILE), explain=True)
    assert "<script>" not in markdown
    assert "@everyone" not in markdown
    assert "[link](" not in markdown


def test_a_fence_is_longer_than_what_it_holds() -> None:
    assert fence("a ```` b").startswith("`````\n")
    assert escape("a\n# b") == "a \\# b"


@pytest.mark.parametrize(
    ("sizes", "capacity"), [([], 10.0), ([0.0], None), ([5.0, 5.0], 10.0), ([50.0], 1.0), ([0.001, 99.0], 24.0)]
)
@pytest.mark.parametrize("width", [10, 33, 100])
def test_a_bar_has_the_width_that_was_asked_for(sizes: list[float], capacity: float | None, width: int) -> None:
    segments = stacked(sizes, capacity, width)
    cells = sum(segment.cells for segment in segments)
    assert cells in (0, width, width + 1)
    assert all(segment.cells > 0 for segment in segments)


def test_lines_break_between_words_and_between_chinese_characters() -> None:
    assert plain(wrap([("one two three", "")], 8)) == "one two\nthree\n"
    assert plain(wrap([("显存不足需要重启", "")], 8)) == "显存不足\n需要重启\n"
    assert plain(wrap([("a" * 10, "")], 4)) == "aaaa\naaaa\naa\n"
    assert plain(wrap([("a b", ""), (" c\nd", "bold")], 20, first="* ", rest="  ")) == "* a b c\n  d\n"


@given(st.text(max_size=200), st.integers(4, 60))
def test_no_wrapped_line_is_too_wide_and_nothing_but_blanks_is_lost(text: str, width: int) -> None:
    rows = wrap([(text, "")], width)
    assert all(cells("".join(part for part, _ in row)) <= max(width, 4) for row in rows)
    shown = "".join("".join(part for part, _ in row) for row in rows)
    assert [char for char in shown if not char.isspace()] == [char for char in text if not char.isspace()]


def test_cut_keeps_within_the_width() -> None:
    assert cut("gradient checkpointing", 10) == "gradient…"
    assert cells(cut("开启梯度检查点", 9)) <= 9
    assert cut("short", 10) == "short"
