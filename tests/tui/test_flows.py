"""The flows of the terminal interface, driven by keys on the real screen."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("textual")

from textual import events
from textual.widgets import Input, TabbedContent

from advisor.tui import make_app
from advisor.tui.app import AdvisorApp
from advisor.tui.widgets.facts import FactsTable
from advisor.tui.widgets.log import HEAD_LINES, LogArea
from advisor.tui.widgets.memory import MemoryView
from advisor.tui.widgets.remedies import RemedyList

LOG = Path(__file__).resolve().parents[2] / "docs" / "examples" / "qwen2.5-7b-lora.log"
Flow = Callable[[AdvisorApp, Any], Awaitable[None]]


def drive(flow: Flow, *, size: tuple[int, int] = (100, 32), **options: Any) -> AdvisorApp:
    """Runs a flow on a fresh app and gives the app back."""
    app = make_app(**options)

    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            await flow(app, pilot)

    asyncio.run(run())
    return app


async def diagnosed(app: AdvisorApp, pilot: Any) -> None:
    for _ in range(200):
        if app.session.report is not None and app._worker is None:
            break
        await pilot.pause(0.05)
    assert app.session.report is not None
    await pilot.pause(0.1)


def test_a_pasted_log_is_diagnosed_and_the_remedies_come_up() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        app.query_one(LogArea).post_message(events.Paste(LOG.read_text(encoding="utf-8")))
        await pilot.pause(0.1)
        await pilot.press("ctrl+r")
        await diagnosed(app, pilot)
        assert app.query_one(TabbedContent).active == "remedies"
        assert app.query_one(RemedyList).option_count == len(app.session.report.remedies)  # type: ignore[union-attr]

    assert drive(flow).session.report.failure.kind == "vram_oom"  # type: ignore[union-attr]


def test_switching_a_remedy_on_estimates_again_and_undo_goes_back() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        before = app.session.now.estimate.allocated_gib  # type: ignore[union-attr]
        first = app.query_one(RemedyList).current()
        await pilot.press("space")
        await pilot.pause(0.1)
        assert app.session.chosen == (first,)
        assert app.session.now.estimate.allocated_gib < before  # type: ignore[union-attr]
        await pilot.press("u")
        await pilot.pause(0.1)
        assert app.session.chosen == ()
        await pilot.press("U")
        await pilot.pause(0.1)
        assert app.session.chosen == (first,)
        await pilot.press("x")
        await pilot.pause(0.1)
        assert app.session.chosen == ()

    drive(flow, path=LOG)


def test_the_plan_is_applied_whole() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        await pilot.press("p")
        await pilot.pause(0.1)
        assert app.session.chosen == app.session.report.plan.steps  # type: ignore[union-attr]

    drive(flow, path=LOG)


def test_remedies_that_exclude_each_other_are_explained() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        assert app.session.toggle("lora") == ""
        reason = app.session.toggle("qlora")
        assert "LoRA" in reason
        assert app.session.chosen == ("lora",)

    drive(flow, path=LOG)


def test_a_fact_is_edited_with_its_check() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        app.on_facts_table_edit(FactsTable.Edit("batch_size"))
        await pilot.pause(0.1)
        field = app.screen.query_one(Input)
        assert field.value == "4"
        field.value = "many"
        await pilot.press("enter")
        await pilot.pause(0.1)
        assert app.screen.query_one(Input) is field  # refused, still open
        field.value = "1"
        await pilot.press("enter")
        await pilot.pause(0.1)
        await diagnosed(app, pilot)
        assert app.session.report.facts["batch_size"] == 1  # type: ignore[union-attr]

    drive(flow, path=LOG)


def test_a_fact_leads_to_its_line() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        app.on_facts_table_jump(FactsTable.Jump(3))
        await pilot.pause(0.1)
        assert app.query_one(TabbedContent).active == "text"
        assert app.query_one(LogArea).cursor_location[0] == 2

    drive(flow, path=LOG)


def test_the_language_switches_live() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        await pilot.press("f2")
        await pilot.pause(0.1)
        await diagnosed(app, pilot)
        await pilot.pause(0.3)
        assert "显存" in app.session.report.verdict  # type: ignore[union-attr]

    drive(flow, path=LOG)


def test_two_scenarios_are_compared_and_left_again() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        await pilot.press("space", "k", "x", "p", "c")
        await pilot.pause(0.2)
        assert len(app.screen_stack) == 2
        await pilot.press("escape")
        await pilot.pause(0.1)
        assert len(app.screen_stack) == 1

    drive(flow, path=LOG)


def test_what_is_copied_is_the_change_the_markdown_or_the_json(monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []
    monkeypatch.setattr(AdvisorApp, "copy_to_clipboard", lambda self, text: copied.append(text))

    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        await pilot.press("y", "m", "j")
        await pilot.pause(0.1)

    drive(flow, path=LOG)
    assert "# " in copied[0]
    assert copied[1].startswith("**")
    assert '"advisor.diagnosis/1"' in copied[2]


def test_a_large_paste_is_attached_and_diagnosed_whole() -> None:
    log = LOG.read_text(encoding="utf-8")
    text = "{'loss': 1.25, 'epoch': 0.1}\n" * 20_000 + log

    async def flow(app: AdvisorApp, pilot: Any) -> None:
        area = app.query_one(LogArea)
        area.post_message(events.Paste(text))
        await diagnosed(app, pilot)
        assert area.attached
        assert area.content == text
        assert area.document.line_count < 400
        area.go_to_line(10)
        assert area.cursor_location[0] == 9
        area.go_to_line(HEAD_LINES + 5000)
        assert area.cursor_location[0] == HEAD_LINES

    report = drive(flow).session.report
    assert report is not None
    assert report.failure.kind == "vram_oom"


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("dark", [True, False])
def test_every_size_language_and_colour_draws(size: tuple[int, int], lang: Any, dark: bool) -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        assert app.query_one(MemoryView).size.height >= 3
        picture = app.export_screenshot()
        assert ("Remedies" in picture) == (lang == "en")

    drive(flow, path=LOG, size=size, lang=lang, dark=dark)


def test_random_keys_raise_nothing() -> None:
    keys = ["space", "enter", "escape", "tab", "shift+tab", "up", "down", "left", "right", "p", "u", "U", "x", "k", "c", "n", "h", "y", "m",
            "j",
            "f1", "f2", "f3", "f4", "f5", "f6", "f7", "l", "pagedown", "home", "end", "a", "1", "backspace"]  # fmt: skip
    source = random.Random(7)

    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        for _ in range(300):
            await pilot.press(source.choice(keys))
        await pilot.pause(0.2)

    drive(flow, path=LOG)
