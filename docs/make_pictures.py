"""Draws the pictures of the README from real answers: python docs/make_pictures.py."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI

from advisor.diagnosis import diagnose
from advisor.render.text import render_text

HERE = Path(__file__).parent
COLUMNS = 104


def picture(log: str, name: str, title: str) -> None:
    """Diagnoses docs/examples/LOG and writes the answer as docs/images/NAME."""
    console = Console(
        record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, highlight=False, emoji=False, markup=False
    )
    text = (HERE / "examples" / log).read_text(encoding="utf-8")
    render_text(diagnose(text), console=console, file=io.StringIO())
    console.save_svg(str(HERE / "images" / name), title=title, theme=MONOKAI)


def screen(log: str, name: str) -> None:
    """Opens docs/examples/LOG in the terminal interface, switches the first remedy on, and saves the screen."""
    from advisor.tui import make_app

    async def run() -> None:
        app = make_app(path=HERE / "examples" / log)
        async with app.run_test(size=(124, 32)) as pilot:
            while app.session.report is None:
                await pilot.pause(0.1)
            await pilot.pause(0.3)
            await pilot.press("space")
            await pilot.pause(0.3)
            (HERE / "images" / name).write_text(app.export_screenshot(), encoding="utf-8")

    asyncio.run(run())


if __name__ == "__main__":
    screen("qwen2.5-7b-lora.log", "tui.svg")
    picture("qwen2.5-7b-lora.log", "diagnose.svg", "advisor diagnose qwen2.5-7b-lora.log")
    picture("nanovlm.zh.txt", "diagnose.zh.svg", "advisor diagnose nanovlm.zh.txt")
