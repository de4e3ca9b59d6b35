"""A driver for flows, and pictures of screens that are compared with stored ones (`--update-snapshots` writes them anew)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Static

pytest.importorskip("textual")

from advisor.tui import make_app
from advisor.tui.app import AdvisorApp

HERE = Path(__file__).parent
LOG = HERE.parents[1] / "docs" / "examples" / "qwen2.5-7b-lora.log"
Flow = Callable[[AdvisorApp, Any], Awaitable[None]]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-snapshots", action="store_true", help="Write the pictures of the terminal interface anew."
    )
    parser.addoption(
        "--fuzz-events", type=int, default=300, help="Random events of the terminal interface's fuzzing test."
    )


def drive(
    flow: Flow, *, size: tuple[int, int] = (100, 32), app: AdvisorApp | None = None, **options: Any
) -> AdvisorApp:
    """Runs a flow on a fresh app and gives the app back."""
    ours = app or make_app(**options)
    ours.animation_level = "none"

    async def run() -> None:
        async with ours.run_test(size=size) as pilot:
            await flow(ours, pilot)

    asyncio.run(run())
    return ours


async def until(condition: Callable[[], object], pilot: Any, seconds: float = 20.0) -> None:
    """Waits for something to come true; fails when it does not."""
    for _ in range(int(seconds / 0.02)):
        if condition():
            await pilot.pause()
            return
        await pilot.pause(0.02)
    raise AssertionError("it did not happen in time")


async def diagnosed(app: AdvisorApp, pilot: Any) -> None:
    """Waits for a diagnosis."""
    await until(lambda: app.session.report is not None and not app.busy, pilot)


def normalised(svg: str) -> str:
    """The picture without what differs from run to run: the hash in its class names."""
    return re.sub(r"terminal-\d+", "terminal", svg)


def text_of(app: AdvisorApp, selector: str) -> str:
    return str(app.ground.query_one(selector, Static).render())


def picture(app: AdvisorApp) -> str:
    return app.export_screenshot().replace("&#160;", " ")


@pytest.fixture
def same_picture(request: pytest.FixtureRequest) -> Callable[[AdvisorApp, Any, str], Awaitable[None]]:
    """Waits for the screen to look like tests/tui/snapshots/NAME.svg; what it came to look like stands beside it as NAME.new.svg."""

    async def compare(app: AdvisorApp, pilot: Any, name: str) -> None:
        path = HERE / "snapshots" / f"{name}.svg"
        fresh = path.with_suffix(".new.svg")
        picture = normalised(app.export_screenshot(title="advisor"))
        if request.config.getoption("--update-snapshots", default=False):
            path.parent.mkdir(exist_ok=True)
            path.write_text(picture, encoding="utf-8")
            fresh.unlink(missing_ok=True)
            return
        stored = path.read_text(encoding="utf-8") if path.exists() else ""
        for _ in range(100 if stored else 0):  # a busy machine draws late
            if picture == stored:
                break
            await pilot.pause(0.05)
            picture = normalised(app.export_screenshot(title="advisor"))
        if picture != stored:
            fresh.write_text(picture, encoding="utf-8")
            pytest.fail(
                f"{name}: the screen differs, compare {path} with {fresh}; --update-snapshots accepts it", pytrace=False
            )
        fresh.unlink(missing_ok=True)

    return compare
