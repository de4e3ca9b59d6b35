"""The command line: one command a file, imported only when it is called; this file owns the exit statuses.

0  answered
1  answered in part: some lines of a --jsonl input could not be read
2  nothing answered: bad input, a wrong option, a pack with faults
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from typing import Any

import click

from advisor.errors import AdvisorError
from advisor.version import __version__

EXIT_PARTLY = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
EXIT_PIPE = 141


class _LazyGroup(click.Group):
    """A group whose commands are the modules of this package that have a `command`; `why_not.py` is `why-not`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        names = [info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_")]
        return sorted(name.replace("_", "-") for name in names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        module = importlib.import_module(f"{__name__}.{cmd_name.replace('-', '_')}")
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


def main() -> None:
    """Runs the command line. Errors of the advisor go to stderr with exit status 2, never as a traceback."""
    sys.exit(run())


def run(arguments: list[str] | None = None) -> int:
    """Runs one command and returns its exit status."""
    try:
        result: Any = cli.main(args=arguments, prog_name="advisor", standalone_mode=False)
        sys.stdout.flush()
        return int(result) if isinstance(result, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.Abort:
        click.echo("advisor: stopped", err=True)
        return EXIT_INTERRUPTED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except click.ClickException as error:
        error.show()
        return EXIT_BAD_INPUT
    except AdvisorError as error:
        click.echo(f"advisor: {error}", err=True)
        return EXIT_BAD_INPUT
    except BrokenPipeError:
        _silence_stdout()
        return EXIT_PIPE


def _silence_stdout() -> None:
    """The reader has gone: keep the interpreter from complaining when it flushes at the end."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
