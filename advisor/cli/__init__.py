"""The command line: one command a file, imported only when it is called; this file owns the exit statuses.

0  answered
1  answered in part: some lines of a --jsonl input could not be read
2  nothing answered: bad input, a wrong option, a pack with faults

`advisor run` ends with the status of its command.
"""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False  # `typing` is not imported before `advisor run` has started its command
if TYPE_CHECKING:
    from typing import Any, NoReturn

EXIT_PARTLY = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
EXIT_PIPE = 141


def __getattr__(name: str) -> Any:
    """`cli`, the group of all commands, is imported when it is asked for."""
    if name != "cli":
        raise AttributeError(name)
    from advisor.cli._group import cli

    return cli


def main() -> None:
    """Runs the command line. Errors of the advisor go to stderr with exit status 2, never as a traceback."""
    if sys.argv[1:3] == ["run", "--"] and len(sys.argv) > 3 and not os.environ.get("ADVISOR_RULES"):
        _run_at_once(sys.argv[3:])
    # A command makes many objects and few cycles, and leaves all of them to the end of the process: the collector's searches
    # through them would take a fifth of its time.
    gc.set_threshold(100_000)
    status = execute()
    gc.freeze()
    sys.exit(status)


def execute(arguments: list[str] | None = None) -> int:
    """Runs one command and returns its exit status."""
    import click

    from advisor.cli._group import cli
    from advisor.errors import AdvisorError

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


def _run_at_once(command: list[str]) -> NoReturn:
    """`advisor run -- COMMAND` without options: the command starts before anything is imported that only options need."""
    from advisor.running.session import run_and_explain

    status = run_and_explain(command)
    try:
        sys.stderr.flush()
    finally:
        os._exit(status)  # nothing is open that the interpreter would have to put away


def _silence_stdout() -> None:
    """The reader has gone: keep the interpreter from complaining when it flushes at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
