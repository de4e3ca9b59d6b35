"""Remedies as switches: estimates, plans, conflicts, scenarios, reasons."""

from __future__ import annotations

from typing import Any

import pytest
from rich.style import Style
from textual import events
from textual.widgets import Static, TabbedContent

from advisor.tui.app import AdvisorApp
from advisor.tui.widgets.log import LogEditor
from advisor.tui.widgets.memory import MemoryView
from advisor.tui.widgets.remedies import RemedyList, RemedyOptions
from advisor.tui.widgets.why import WhyView
from advisor.units import format_gib
from tests.tui.conftest import LOG, diagnosed, drive, picture


def test_switching_a_remedy_on_estimates_again_and_undo_goes_back() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        before = app.session.now.peak_gib  # type: ignore[union-attr]
        first = app.query_one(RemedyList).current()
        await pilot.press("space")
        await pilot.pause()
        assert app.session.chosen == (first,)
        assert app.session.now.peak_gib < before  # type: ignore[union-attr, operator]
        assert "Switched on (1)" in picture(app)
        await pilot.press("u")
        assert app.session.chosen == ()
        await pilot.press("U")
        assert app.session.chosen == (first,)
        await pilot.press("x")
        assert app.session.chosen == ()
        assert app.session.now.peak_gib == before  # type: ignore[union-attr]

    drive(flow, path=LOG)


def test_the_plan_is_applied_whole_and_the_next_one_after_it() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        plans = app.session.case.outcome.plans  # type: ignore[union-attr]
        for plan in (*plans, plans[0]):
            await pilot.press("p")
            await pilot.pause()
            assert app.session.chosen == tuple(step.remedy.id for step in plan.steps)
            assert app.session.now.peak_gib == pytest.approx(plan.peak_gib)  # type: ignore[union-attr]
            assert app.session.now.fits == plan.fits  # type: ignore[union-attr]
            listed = {switch.id for switch in app.session.switches if switch.on}
            assert listed == set(app.session.chosen)  # also what no rule argues for can be switched off again

    drive(flow, path=LOG)


def test_the_setting_of_a_remedy_grows_stronger_and_milder() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        options = app.query_one(RemedyOptions)
        options.highlighted = options.get_option_index("reduce_batch_size")
        await pilot.press("space", *["left"] * 5)
        await pilot.pause()
        mild = app.session.now.words["batch_size"]  # type: ignore[union-attr]
        await pilot.press("right")
        await pilot.pause()
        strong = app.session.now.words["batch_size"]  # type: ignore[union-attr]
        assert (mild, strong) == (2, 1)

    drive(flow, path=LOG)


def test_remedies_that_exclude_each_other_are_explained() -> None:
    text = (
        "Full fine-tuning of Qwen2.5-7B, AdamW, bf16, batch size 4, 2048 tokens on one RTX 4090: CUDA out of memory\n"
    )

    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        options = app.query_one(RemedyOptions)
        for remedy in ("lora", "qlora"):
            options.highlighted = options.get_option_index(remedy)
            await pilot.press("space")
            await pilot.pause()
        assert app.session.chosen == ("lora",)
        assert "LoRA" in next(iter(app._notifications)).message
        assert next(item for item in app.session.switches if item.id == "qlora").blocked

    drive(flow, text=text)


def test_two_scenarios_are_compared_side_by_side() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        await pilot.press("space", "k", "x", "p", "c")
        await pilot.pause()
        shown = picture(app)
        for column in ("Now", "Kept (1)", "Switched on (2)"):
            assert column in shown
        await pilot.press("escape")
        assert not app.covered

    drive(flow, path=LOG, size=(120, 40))


def test_the_view_changes_to_phases_and_numbers_and_back() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        for key, mode in (("h", "phases"), ("n", "numbers"), ("n", "bars")):
            await pilot.press(key)
            await pilot.pause()
            assert app.query_one(MemoryView).mode == mode
        await pilot.press("h")
        await pilot.pause()
        assert "in the backward pass" in picture(app)

    drive(flow, path=LOG)


def test_why_shows_rules_lines_and_documents_and_its_lines_lead_to_the_text() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        first = app.session.report.remedies[0]  # type: ignore[union-attr]
        shown = str(app.query_one("#why-view", WhyView).query_one(Static).render())
        assert first.title in shown
        assert first.rules[0] in shown
        assert first.changes[0].text.split("\n")[0] in shown
        assert any(source.title in shown for source in app.session.report.sources)  # type: ignore[union-attr]
        await app.run_action("jump(4)")
        await pilot.pause()
        assert app.query_one(TabbedContent).active == "text"
        assert app.query_one(LogEditor).cursor_location[0] == 3

    drive(flow, path=LOG)


def test_the_bar_of_the_remedy_under_the_cursor_is_shown_until_it_is_on() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        view = app.query_one(MemoryView)
        options = app.query_one(RemedyOptions)
        first = options.current()
        shown = {row.label: row.scenario.steps for row in view._rows}
        assert shown["With this"] == (first,)
        await pilot.press("down")
        await pilot.pause()
        second = options.current()
        assert {row.label: row.scenario.steps for row in view._rows}["With this"] == (second,)
        await pilot.press("space")
        await pilot.pause()
        assert "With this" not in picture(app)
        assert app.session.preview(second) is None
        await pilot.press("up")
        await pilot.pause()
        assert {row.label: row.scenario.steps for row in view._rows}["With this"] == (second, first)
        await pilot.press("f5")
        await pilot.pause()
        assert "With this" not in picture(app)

    drive(flow, path=LOG)


def test_four_scenarios_keep_the_names_of_their_parts_in_eighty_columns() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        await pilot.press("space", "k", "x", "down", "space", "n")
        await pilot.pause()
        for page in (picture(app), ""):
            if not page:
                await pilot.press("n", "c")
                await pilot.pause()
                page = picture(app)
            for name in ("weights", "gradients", "optimizer states", "activations", "logits and loss"):
                assert name in page
        assert "Kept (1)" in page
        assert "Plan (2)" in page
        assert "Total" in page

    drive(flow, path=LOG, size=(80, 24))


def test_phases_are_compared_with_what_is_on_rather_than_what_was_kept() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        await pilot.press("space", "k", "down", "space", "h")
        await pilot.pause()
        assert "Now → Switched on (2)" in picture(app)

    drive(flow, path=LOG)


def test_a_setting_of_what_is_off_and_a_last_setting_are_told_apart() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        options = app.query_one(RemedyOptions)
        options.highlighted = options.get_option_index("gradient_checkpointing")
        await pilot.press("right", "right", "right")
        assert [note.message for note in app._notifications] == ["Space switches it on first."]
        await pilot.press("space", "right")
        assert [note.message for note in app._notifications] == ["It has no further setting."]
        assert "it does not fit ✗" in picture(app)

    drive(flow, path=LOG)


def test_the_change_of_a_remedy_stays_in_the_persons_own_words_when_it_is_on() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        before = app.session.remedy("gradient_checkpointing")
        app.session.toggle("gradient_checkpointing")
        after = app.session.remedy("gradient_checkpointing")
        assert before is not None
        assert after is not None
        assert after.changes[0].text == before.changes[0].text == "--gradient_checkpointing true"

    drive(flow, path=LOG)


def test_a_click_on_a_row_that_has_just_gone_hits_nothing() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        options = app.query_one(RemedyOptions)
        for row in (options.option_count, 0):
            style = Style.from_meta({"option": row})
            options.post_message(events.Click(options, 1, 1, 0, 0, 1, False, False, False, style=style))
            await pilot.pause()
        assert app.session.chosen == (options.get_option_at_index(0).id,)

    drive(flow, path=LOG)


def test_why_tells_what_a_remedy_saves_alone_and_beside_what_is_on() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        await pilot.press("space", "down")
        await pilot.pause()
        switch = app.session.switches[1]
        assert switch.saves is not None
        assert f"alone, {format_gib(switch.saves)} beside what is on" in " ".join(picture(app).split())

    drive(flow, path=LOG, size=(200, 50))
