"""The screen itself: languages, help, palette, mouse, and what is taken away from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input, TabbedContent

from advisor.tui.app import AdvisorApp
from advisor.tui.widgets.remedies import RemedyList, RemedyOptions
from tests.tui.conftest import LOG, diagnosed, drive, picture, until


def test_the_language_switches_live_without_reading_again() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        case, chosen = app.session.case, app.query_one(RemedyList).current()
        await pilot.press("space", "f2")
        await pilot.pause()
        assert app.session.case is case
        assert app.session.chosen == (chosen,)
        shown = picture(app)
        for text in ("显存", "改动", "已启用(1)", "方案", "撤销"):
            assert text in shown
        await pilot.press("f2")
        await pilot.pause()
        assert "Switched on (1)" in picture(app)

    drive(flow, path=LOG)


def test_help_lists_every_key_of_the_palette() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await pilot.press("f1")
        await pilot.pause()
        shown = picture(app)
        for key in ("ctrl+r", "ctrl+o", "space", "shift+u", "ctrl+p"):
            assert key in shown
        await pilot.press("q")
        assert not app.covered

    drive(flow, size=(100, 60))


def test_the_palette_runs_commands_in_the_language_of_the_screen() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        titles = [title for title, _, _ in app.commands()]
        assert "应用代价最小的方案,再按换下一个" in titles
        await pilot.press("ctrl+p")
        await pilot.pause()
        await pilot.press(*"Markdown")
        await pilot.pause(0.5)
        await pilot.press("enter")
        await pilot.pause(0.2)
        assert "**" in app.clipboard

    drive(flow, path=LOG, lang="zh")


def test_the_mouse_switches_a_remedy_and_changes_the_tab() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        await pilot.click(RemedyOptions, offset=(10, 1))
        await pilot.pause()
        assert app.session.chosen == (app.session.switches[1].id,)
        tab = app.query_one(TabbedContent).get_tab("facts")
        await pilot.click(f"#{tab.id}")
        await pilot.pause()
        assert app.query_one(TabbedContent).active == "facts"

    drive(flow, path=LOG)


def test_what_is_copied_is_the_changed_command_the_markdown_or_the_json() -> None:
    copied: list[str] = []

    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        options = app.query_one(RemedyOptions)
        options.highlighted = options.get_option_index("gradient_checkpointing")
        await pilot.press("space")
        for key in "ymj":
            await pilot.press(key)
            copied.append(app.clipboard)

    drive(flow, path=LOG)
    assert copied[0].startswith("trl sft --model_name_or_path Qwen/Qwen2.5-7B-Instruct")
    assert "--gradient_checkpointing true" in copied[0]
    assert "--gradient_checkpointing false" not in copied[0]
    assert copied[1].startswith("**")
    assert json.loads(copied[2])["schema"] == "advisor.diagnosis/1"


@pytest.mark.parametrize(("name", "start"), [("report.md", "**"), ("report.json", "{"), ("run.sh", "trl sft")])
def test_the_ending_of_a_name_decides_what_is_written(name: str, start: str, tmp_path: Path) -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        await pilot.press("p", "s")
        await pilot.pause()
        app.screen.query_one(Input).value = str(tmp_path / name)
        await pilot.press("enter")
        await pilot.pause()
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)

    drive(flow, path=LOG)


def test_the_palette_also_knows_actions_by_their_english_names() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        await pilot.press("ctrl+p", *"lang", "enter")
        await until(lambda: app.session.lang == "zh", pilot)
        await pilot.press("ctrl+p", *"lang", "enter")
        await until(lambda: app.session.lang == "en", pilot)

    drive(flow, path=LOG)
