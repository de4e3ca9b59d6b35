"""Pictures of the screen in every size, language and colour that it is meant for, compared with stored ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal

import pytest
from textual.widgets import Input

from advisor.tui.app import AdvisorApp
from tests.tui.conftest import diagnosed, drive
from tests.tui.fixed import TEXT, FixedSession

Same = Callable[[AdvisorApp, Any, str], Awaitable[None]]


def fixed(lang: Literal["en", "zh"] = "en", *, dark: bool = True) -> AdvisorApp:
    session = FixedSession(None, lang)
    session.text = TEXT
    return AdvisorApp(session, dark=dark)


def still(app: AdvisorApp) -> None:
    """Stops the cursors from blinking."""
    app.log_pane.editor.cursor_blink = False
    for field in app.screen.query(Input):
        field.cursor_blink = False


async def settled(app: AdvisorApp, pilot: Any) -> None:
    """Waits for the screen to stand still: no worker, no animation, no blinking cursor."""
    await diagnosed(app, pilot)
    still(app)
    await pilot.wait_for_scheduled_animations()
    await pilot.pause(0.3)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("dark", [True, False], ids=["dark", "light"])
def test_the_remedies(size: tuple[int, int], lang: Literal["en", "zh"], dark: bool, same_picture: Same) -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await settled(app, pilot)
        await pilot.press("down", "space")
        await settled(app, pilot)
        await same_picture(app, pilot, f"remedies-{size[0]}x{size[1]}-{lang}-{'dark' if dark else 'light'}")

    drive(flow, size=size, app=fixed(lang, dark=dark))


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("facts", ("f5",)),
        ("edit", ("f5", "down", "enter", "4", "0", "9", "0")),
        ("why", ("f7",)),
        ("phases", ("space", "h")),
        ("numbers", ("space", "n")),
        ("compare", ("space", "k", "x", "p", "c")),
        ("conflict", ("space",)),
        ("help", ("f1",)),
        ("palette", ("ctrl+p", "c", "o")),
    ],
)
def test_the_other_pages_in_eighty_columns(name: str, keys: tuple[str, ...], same_picture: Same) -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await settled(app, pilot)
        await pilot.press(*keys)
        await settled(app, pilot)
        await same_picture(app, pilot, f"{name}-80x24")

    drive(flow, size=(80, 24), app=fixed())


def test_the_welcome(same_picture: Same) -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        still(app)
        await pilot.pause(0.3)
        await same_picture(app, pilot, "welcome-80x24")

    app = AdvisorApp(FixedSession(None, "en"))
    drive(flow, size=(80, 24), app=app)


def test_without_colour_the_parts_still_differ() -> None:
    async def flow(app: AdvisorApp, pilot: Any) -> None:
        await settled(app, pilot)
        bars = app.query_one("#memory").render()
        line = str(bars).split("\n")[0]
        for mark in "█▓▒┃├┤":
            assert mark in line, line

    drive(flow, size=(80, 24), app=fixed())
