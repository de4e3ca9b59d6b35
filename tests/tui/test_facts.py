"""Facts on the screen: edited, completed, taken back, and the lines that they came from."""

from __future__ import annotations

from typing import Any

import pytest
from textual.widgets import Input, OptionList, Static, TabbedContent

from advisor.tui.app import AdvisorApp
from advisor.tui.widgets.facts import FactsTable
from advisor.tui.widgets.log import LogEditor
from tests.tui.conftest import LOG, diagnosed, drive, until


async def open_fact(app: AdvisorApp, pilot: Any, fact: str) -> Input:
    await pilot.press("f5")
    table = app.query_one(FactsTable)
    table.move_cursor(row=table.get_row_index(fact))
    await pilot.press("enter")
    await pilot.pause()
    return app.screen.query_one(Input)


def test_a_fact_is_edited_in_place_with_its_check_and_taken_back() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        field = await open_fact(app, pilot, "batch_size")
        assert field.value == "4"
        field.value = "many"
        await pilot.press("enter")
        await pilot.pause()
        assert app.screen.query_one(Input) is field  # refused, still open
        assert "many" in str(app.screen.query_one("#problem", Static).render())
        field.value = "1"
        await pilot.press("enter")
        await diagnosed(app, pilot)
        assert app.session.report.facts["batch_size"] == 1  # type: ignore[union-attr]
        await pilot.press("delete")
        await pilot.pause()
        await diagnosed(app, pilot)
        assert app.session.report.facts["batch_size"] == 4  # type: ignore[union-attr]
        await pilot.press("u")  # the statement comes back
        await pilot.pause()
        await diagnosed(app, pilot)
        assert app.session.report.facts["batch_size"] == 1  # type: ignore[union-attr]

    drive(flow, path=LOG)


@pytest.mark.parametrize(
    ("fact", "typed", "expected"),
    [
        ("gpu_name", "4090", "RTX 4090"),
        ("model", "qwen2.5 7b", "Qwen2.5-7B"),
        ("framework", "llama-f", "llama-factory"),
    ],
)
def test_cards_models_and_frameworks_are_completed(fact: str, typed: str, expected: str) -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        field = await open_fact(app, pilot, fact)
        assert app.screen.query_one(OptionList).option_count > 10
        await pilot.press(*typed.replace(" ", "~")) if " " not in typed else setattr(field, "value", typed)
        await pilot.pause()
        await pilot.press("tab")
        assert expected in field.value
        await pilot.press("escape")

    drive(flow)


def test_the_facts_alone_make_a_diagnosis() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        for fact, value in (("model", "Qwen2.5-7B"), ("gpu_name", "RTX 4090"), ("task", "train"), ("method", "full")):
            field = await open_fact(app, pilot, fact)
            field.value = value
            await pilot.press("enter")
            await pilot.pause()
            await diagnosed(app, pilot)
        assert app.session.now is not None
        assert app.session.now.estimate is not None

    drive(flow)


def test_unknown_facts_say_what_knowing_them_would_change() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        moves = app.session.moves()
        assert moves
        assert any("GiB" in text for text in moves.values())
        table = app.query_one(FactsTable)
        fact = next(iter(moves))
        assert str(table.get_row(fact)[0]) == "?"
        assert moves[fact] in str(table.get_row(fact)[3])

    drive(flow, text="Full fine-tuning of Qwen2.5-7B on an A100-80GB runs out of memory\n")


def test_a_fact_leads_to_its_line() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        await pilot.press("f5")
        table = app.query_one(FactsTable)
        table.move_cursor(row=table.get_row_index("batch_size"))
        await pilot.press("l")
        await pilot.pause()
        assert app.query_one(TabbedContent).active == "text"
        assert app.query_one(LogEditor).cursor_location[0] == 2
        assert "--per_device_train_batch_size" in app.query_one(LogEditor).selected_text

    drive(flow, path=LOG)


def test_where_a_fact_came_from_is_readable_in_eighty_columns() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        app.take_text(
            "LoRA on Qwen2.5-7B-Instruct with one RTX 4090, lora targets q_proj,k_proj,v_proj,o_proj. Does it fit?"
        )
        await diagnosed(app, pilot)
        await pilot.press("f5")
        await pilot.pause()
        table = app.query_one(FactsTable)
        assert table.max_scroll_x == 0
        asked = [table.get_row(key) for key in table.rows if table.get_row(key)[0].plain == "?"]
        assert asked
        assert all("GiB" in row[3].plain for row in asked)

    drive(flow, size=(80, 24))


def test_the_field_of_a_low_row_is_whole_on_the_screen() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        await pilot.press("f5", *["down"] * 8, "enter")
        await until(lambda: app.covered, pilot)
        for _ in range(3):
            await pilot.pause()
        dialog = app.screen.query_one(".dialog")
        assert dialog.region.bottom <= app.size.height
        assert dialog.region.y >= 0

    drive(flow, path=LOG, size=(80, 24))


def test_a_fact_without_a_line_says_so() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        await pilot.press("f5")
        table = app.query_one(FactsTable)
        table.move_cursor(row=table.get_row_index("optimizer"))
        await pilot.press("l")
        await pilot.pause()
        assert [note.message for note in app._notifications] == ["No line of the text says it."]
        assert app.query_one(TabbedContent).active == "facts"

    drive(flow, path=LOG)
