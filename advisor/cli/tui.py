"""`advisor tui`: explore a run in the terminal, or in a browser on this machine."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from advisor.errors import InputError


@click.command("tui")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--lang", type=click.Choice(["auto", "en", "zh"]), default="auto", help="Language of the screen.")
@click.option("--light", is_flag=True, help="Light colours.")
@click.option("--serve", is_flag=True, help="Show it in a browser instead, on this machine only.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Port of --serve.")
def command(**parameters: Any) -> int:
    """Paste, read, switch remedies on and watch the bar move.

    FILE is a log to begin with.
    """
    if parameters["serve"]:
        return _serve(parameters)
    try:
        from advisor.tui import make_app
    except ImportError as error:
        raise InputError("the terminal interface is not installed", hint="pip install 'vram-advisor[tui]'") from error
    if not sys.stdout.isatty():
        raise InputError("a terminal is needed", hint="`advisor diagnose` works in pipes and files.")
    lang = None if parameters["lang"] == "auto" else parameters["lang"]
    make_app(path=parameters["file"], lang=lang, dark=not parameters["light"]).run()
    return 0


def _serve(parameters: dict[str, Any]) -> int:
    try:
        from textual_serve.server import Server
    except ImportError as error:
        raise InputError(
            "showing it in a browser needs textual-serve", hint="pip install 'vram-advisor[tui]'"
        ) from error
    words = [sys.executable, "-m", "advisor", "tui", "--lang", parameters["lang"]]
    if parameters["light"]:
        words.append("--light")
    if parameters["file"] is not None:
        words.append(str(parameters["file"].resolve()))
    Server(shlex.join(words), host="127.0.0.1", port=parameters["port"], title="advisor").serve()
    return 0
