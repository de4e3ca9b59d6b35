"""Draws the pictures of the README from real answers: python docs/make_pictures.py."""

from __future__ import annotations

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


if __name__ == "__main__":
    picture("qwen2.5-7b-lora.log", "diagnose.svg", "advisor diagnose qwen2.5-7b-lora.log")
    picture("nanovlm.zh.txt", "diagnose.zh.svg", "advisor diagnose nanovlm.zh.txt")
