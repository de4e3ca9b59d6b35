"""Texts into the terminal interface: pastes, files, descriptions, and what goes wrong with them."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

from textual import events
from textual.widgets import Input, TabbedContent

from advisor.tui.app import AdvisorApp
from advisor.tui.base import SWITCH_S
from advisor.tui.session import Session
from advisor.tui.widgets.facts import FactsTable
from advisor.tui.widgets.log import LogEditor, LogViewer
from advisor.tui.widgets.remedies import RemedyOptions
from tests.tui.conftest import LOG, diagnosed, drive, picture, text_of, until


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


def test_the_screen_gets_its_turn_while_another_thread_reads() -> None:
    before = sys.getswitchinterval()

    async def flow(app: AdvisorApp, pilot: Any) -> None:
        assert abs(sys.getswitchinterval() - SWITCH_S) < 1e-6 < before

    drive(flow)
    assert sys.getswitchinterval() == before
