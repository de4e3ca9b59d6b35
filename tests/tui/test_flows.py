"""The flows of the terminal interface, driven by keys and mouse on the real screen with the real library."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.widgets import Input, OptionList, Static, TabbedContent

from advisor.tui.app import AdvisorApp
from advisor.tui.session import Session
from advisor.tui.widgets.facts import FactsTable
from advisor.tui.widgets.log import LogEditor, LogViewer
from advisor.tui.widgets.memory import MemoryView
from advisor.tui.widgets.remedies import RemedyList, RemedyOptions
from advisor.tui.widgets.why import WhyView
from tests.tui.conftest import LOG, diagnosed, drive, until


def text_of(app: AdvisorApp, selector: str) -> str:
    return str(app.ground.query_one(selector, Static).render())


def picture(app: AdvisorApp) -> str:
    return app.export_screenshot().replace("&#160;", " ")


# --- reading ----------------------------------------------------------------------------------------------------


def test_a_pasted_log_is_diagnosed_at_once_and_the_remedies_come_up() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        app.post_message(events.Paste(LOG.read_text(encoding="utf-8")))
        await diagnosed(app, pilot)
        assert app.query_one(TabbedContent).active == "remedies"
        assert app.query_one(RemedyOptions).option_count == len(app.session.switches) > 3
        assert app.query_one(RemedyOptions).has_focus
        assert "out of memory" in text_of(app, "#verdict")

    assert drive(flow).session.report.failure.kind == "vram_oom"  # type: ignore[union-attr]


def test_a_typed_description_is_diagnosed_by_ctrl_r_and_marked_stale_when_it_changes() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await pilot.press(*"LoRA of Qwen2.5-7B on a 4090, OOM".replace(" ", "~").replace("~", " "))
        assert app.session.report is None
        await pilot.press("ctrl+r")
        await diagnosed(app, pilot)
        assert app.session.report.facts["gpu_name"] == "RTX 4090"  # type: ignore[union-attr]
        await pilot.press("f4", "x")
        await pilot.pause()
        assert app.query_one("#status").has_class("-stale")

    drive(flow)


def test_a_line_pasted_into_a_description_stays_a_part_of_it() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await pilot.press(*"model ")
        app.post_message(events.Paste("Qwen2.5-7B"))
        await pilot.pause(0.1)
        assert app.query_one(LogEditor).text == "model Qwen2.5-7B"
        assert not app.busy

    drive(flow)


def test_a_paste_on_any_tab_is_a_new_text() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        app.post_message(events.Paste("Full fine-tuning of Llama-3.1-8B on an A100-80GB\nOOM"))
        await until(lambda: app.session.report.facts.get("gpu_name") == "A100-80GB", pilot)  # type: ignore[union-attr]

    drive(flow, path=LOG)


def test_a_large_paste_is_viewed_and_diagnosed_and_its_lines_keep_their_numbers() -> None:
    log = LOG.read_text(encoding="utf-8")
    text = "{'loss': 1.25, 'epoch': 0.1}\n" * 20_000 + log

    async def flow(app: AdvisorApp, pilot: Any) -> None:
        app.post_message(events.Paste(text))
        await diagnosed(app, pilot)
        assert app.log_pane.attached
        assert app.log_pane.content == text
        assert app.session.report.facts["batch_size"] == 4  # type: ignore[union-attr]
        line = next(item.line for item in app.session.report.evidence if item.fact == "batch_size")  # type: ignore[union-attr]
        assert line == 20_003
        app.query_one(FactsTable).post_message(FactsTable.Jump(line))
        await pilot.pause(0.1)
        assert app.query_one(LogViewer).here == line
        assert "20003" in picture(app)

    assert drive(flow).session.report.failure.kind == "vram_oom"  # type: ignore[union-attr]


def test_a_file_is_opened_by_its_path_and_a_wrong_path_is_told() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await pilot.press("ctrl+o")
        await pilot.pause()
        app.screen.query_one(Input).value = str(LOG.with_name("missing.log"))
        await pilot.press("enter")
        await until(lambda: app._notifications, pilot)
        assert "missing.log" in next(iter(app._notifications)).message
        assert app.session.report is None
        await pilot.press("ctrl+o")
        await pilot.pause()
        app.screen.query_one(Input).value = str(LOG)
        await pilot.press("enter")
        await diagnosed(app, pilot)

    drive(flow)


def test_a_binary_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    path.write_bytes(b"\0\1\2" * 1000)

    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await until(lambda: app._notifications, pilot)
        assert "binary" in next(iter(app._notifications)).message

    drive(flow, path=path)


def test_nothing_in_a_log_drives_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "evil.log"
    path.write_text(f"\x1b]52;c;aGVsbG8=\x07\x1b[2J\x9b31m\n{LOG.read_text(encoding='utf-8')}", encoding="utf-8")

    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        await pilot.press("f4")
        await pilot.pause()
        shown = app.query_one(LogEditor).text
        assert "\x1b" not in shown
        assert "\x9b" not in shown
        assert "␛]52" in shown
        assert app.log_pane.content == path.read_text(encoding="utf-8")  # what is diagnosed is untouched

    drive(flow, path=path)


class Slow(Session):
    """A session whose diagnosis waits."""

    gate = threading.Event()

    def diagnose(self) -> None:
        self.gate.wait(10)
        super().diagnose()


class Broken(Session):
    """A session whose diagnosis fails in an unforeseen way."""

    def diagnose(self) -> None:
        raise ZeroDivisionError("no such luck")


def test_long_work_shows_its_progress_leaves_the_screen_alive_and_is_cancelled() -> None:
    Slow.gate.clear()

    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await pilot.press(*"OOM", "ctrl+r")
        await pilot.pause(0.3)
        assert app.busy
        assert app.query_one("#status").has_class("-busy")
        await pilot.press("f5")
        assert app.query_one(TabbedContent).active == "facts"
        await pilot.press("escape")
        await pilot.pause()
        assert not app.busy
        Slow.gate.set()
        await pilot.pause(0.5)
        assert app.session.report is None

    drive(flow, app=AdvisorApp(Slow()))


def test_an_unforeseen_failure_is_told_and_the_screen_stays() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await pilot.press(*"OOM", "ctrl+r")
        await until(lambda: app._notifications, pilot)
        assert "no such luck" in next(iter(app._notifications)).message
        assert not app.busy

    drive(flow, app=AdvisorApp(Broken()))


def test_everything_is_emptied_by_ctrl_n() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        await pilot.press("p", "ctrl+n")
        await pilot.pause()
        assert app.session.report is None
        assert app.log_pane.content == ""
        assert app.session.chosen == ()

    drive(flow, path=LOG)


# --- facts ------------------------------------------------------------------------------------------------------


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


# --- remedies ---------------------------------------------------------------------------------------------------


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


# --- language, colours, help, palette, mouse ---------------------------------------------------------------------


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


# --- taking it away ---------------------------------------------------------------------------------------------


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
