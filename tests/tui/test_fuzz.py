"""Random keys, clicks, pastes and sizes; nothing may raise. `pytest tests/tui/test_fuzz.py --fuzz-events 10000` runs longer."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from textual import events

from advisor.tui.app import AdvisorApp
from tests.tui.conftest import LOG, diagnosed, drive, until

KEYS = (
    "space", "enter", "escape", "tab", "shift+tab", "up", "down", "left", "right", "pagedown", "pageup", "home", "end", "delete",
    "backspace",
    "ctrl+r", "ctrl+o", "ctrl+p", "f1", "f2", "f3", "f4", "f5", "f6", "f7", "q", "a", "1", "0", "l", "plus", "minus", "p", "u", "U", "x",
    "k", "c", "n", "h", "y", "m", "j", "s", "g", "G", "comma",
)  # fmt: skip
RARE_KEYS = ("ctrl+n", "ctrl+a", "ctrl+z")
PASTES = (
    "4096",
    "RTX 4090",
    "OOM\n\x1b[31mred\x1b[0m\x07\x00",
    "x" * 9000,
    "loss 1.0\n" * 30_000,
    "显存不足,7B LoRA\n单卡 3090",
    "[b]not markup[/]\n[/]",
)
SIZES = ((80, 24), (120, 40), (40, 12), (200, 50), (81, 25))


CHARACTERS = {"space": " ", "plus": "+", "minus": "-", "comma": ","}
BURST = 16  # events that are sent before the screen is waited for


async def event(app: AdvisorApp, pilot: Any, source: random.Random) -> str:
    """Sends one random event as the terminal's driver would; gives back what it was."""
    width, height = app.size
    kind = source.random()
    if kind < 0.78:
        key = source.choice(KEYS if source.random() < 0.985 else RARE_KEYS)
        app.post_message(events.Key(key, CHARACTERS.get(key, key if len(key) == 1 else None)))
        return key
    if kind < 0.97:
        x, y = source.randrange(width), source.randrange(height)
        sorts = (
            [events.MouseMove, events.MouseDown, events.MouseUp]
            if kind < 0.92
            else [source.choice((events.MouseScrollDown, events.MouseScrollUp))]
        )
        for sort in sorts:
            app.post_message(sort(None, x, y, 0, 0, 1, False, False, False, screen_x=x, screen_y=y))
        return f"{sorts[-1].__name__} {x},{y}"
    if kind < 0.99:
        app.post_message(events.Paste(source.choice(PASTES)))
        return "paste"
    size = source.choice(SIZES)
    await pilot.resize_terminal(*size)
    return f"resize {size}"


def test_random_events_raise_nothing(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # what is saved on the way
    count = request.config.getoption("--fuzz-events", default=300)
    source = random.Random(20_240 + count)
    done: list[str] = []

    async def stay(app: AdvisorApp) -> None:
        """The palette offers to quit, and a random key may take it at its word."""

    monkeypatch.setattr(AdvisorApp, "action_quit", stay)

    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await diagnosed(app, pilot)
        for index in range(count):
            if not app.is_running:
                break
            done.append(await event(app, pilot, source))
            if index % BURST == 0:
                await pilot.pause()
            if index % 400 == 399:  # back to a log with remedies
                while app.covered:
                    app.pop_screen()
                app.take_text(LOG.read_text(encoding="utf-8"))
                await pilot.pause(0.2)
        assert len(done) == count, done[-20:]
        await until(lambda: not app.message_queue_size, pilot)  # a screen must be there as long as events come

    try:
        drive(flow, path=LOG)
    except BaseException:
        print("last events:", done[-20:])
        raise
