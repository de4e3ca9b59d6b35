"""`advisor tui`: explore a run in the terminal, or in a browser on this machine."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Any

import click

from advisor.errors import InputError

INSTALL = "pip install 'vram-advisor[tui]'"


@click.command("tui")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--lang", type=click.Choice(["auto", "en", "zh"]), default="auto", help="Language of the screen.")
@click.option("--light/--dark", default=None, help="Colours; without it as the terminal tells (COLORFGBG), else dark.")
@click.option("--serve", is_flag=True, help="Show it in a browser instead, on this machine only.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Port of --serve.")
def command(**parameters: Any) -> int:
    """Paste, read, switch remedies on and watch the bar move.

    FILE is a log to begin with; a log can also be piped in.
    """
    if parameters["serve"]:
        return _serve(parameters)
    try:
        from advisor.tui import make_app
    except ImportError as error:
        raise InputError("the terminal interface is not installed", hint=INSTALL) from error
    if not sys.stdout.isatty() and "TEXTUAL_DRIVER" not in os.environ:
        raise InputError("a terminal is needed", hint="`advisor diagnose` works in pipes and files.")
    lang = None if parameters["lang"] == "auto" else parameters["lang"]
    light = _light() if parameters["light"] is None else parameters["light"]
    text = _piped() if parameters["file"] is None else ""
    make_app(path=parameters["file"], text=text, lang=lang, dark=not light).run()
    return 0


def _light() -> bool:
    """Whether the terminal says that its background is light; rxvt, Konsole and others set `COLORFGBG=foreground;background`."""
    background = os.environ.get("COLORFGBG", "").rpartition(";")[2]
    return background in ("7", "15")


def _piped() -> str:
    """What was piped in; the keys then come from the terminal itself."""
    if sys.stdin.isatty() or "TEXTUAL_DRIVER" in os.environ:
        return ""
    from advisor.tui.session import MAX_SHOWN_BYTES

    text = sys.stdin.buffer.read(MAX_SHOWN_BYTES).decode("utf-8", "replace")
    try:
        terminal = os.open("/dev/tty", os.O_RDWR)
    except OSError:
        raise InputError("a terminal is needed for the keys", hint="`advisor diagnose` works in pipes.") from None
    os.dup2(terminal, 0)
    os.close(terminal)
    return text


def _serve(parameters: dict[str, Any]) -> int:
    try:
        from advisor.tui.serve import serve
    except ImportError as error:
        raise InputError("showing it in a browser needs textual-serve", hint=INSTALL) from error
    words = [sys.executable, "-m", "advisor", "tui", "--lang", parameters["lang"]]
    if parameters["light"] is not None:
        words.append("--light" if parameters["light"] else "--dark")
    if parameters["file"] is not None:
        words.append(str(parameters["file"].resolve()))
    serve(shlex.join(words), parameters["port"])
    return 0
