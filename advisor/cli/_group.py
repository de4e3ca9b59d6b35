"""The group of all commands: each is a module of this package, imported only when it is called."""

from __future__ import annotations

import importlib
import os

import click

import advisor.cli
from advisor.version import __version__


class _LazyGroup(click.Group):
    """A group whose commands are the modules of this package that have a `command`; `why_not.py` is `why-not`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        files = {name for folder in advisor.cli.__path__ for name in os.listdir(folder) if name.endswith(".py")}
        return sorted(name.removesuffix(".py").replace("_", "-") for name in files if not name.startswith("_"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        module = importlib.import_module(f"advisor.cli.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit status: 0 answered, 1 some lines of a --jsonl input could not be read, 2 bad input.",
)
@click.version_option(__version__, prog_name="advisor")
def cli() -> None:
    """Why a run ran out of GPU memory, what to change first, and which smallest set of changes makes it fit.

    \b
    advisor diagnose train.log                  a log file
    python train.py 2>&1 | advisor diagnose     a pipe
    advisor diagnose                            paste, then Ctrl-D
    """
