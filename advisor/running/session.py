"""`advisor run`: the command as it would run alone, and after a failure of memory the diagnosis. Only what a failure needs is imported."""

from __future__ import annotations

import sys

from advisor.running.child import CannotRun
from advisor.running.command import run
from advisor.running.signals import signal

TYPE_CHECKING = False  # `typing` is not imported before the command starts
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from advisor.running.answer import Answering

# Statuses of commands that somebody stopped.
_STOPPED = frozenset(128 + number for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE))


def run_and_explain(command: Sequence[str], answering: Callable[[], Answering] | None = None) -> int:
    """Runs the command and gives its exit status, whatever becomes of the diagnosis.

    Args:
        answering: makes the way of answering, called only after a failure; plain text on stderr without one.
    """
    if sys.platform == "win32":
        print(
            "advisor: `advisor run` needs Linux or macOS; diagnose the log with `advisor diagnose` instead",
            file=sys.stderr,
        )
        return 126
    try:
        ran = run(command)
    except CannotRun as error:
        print(f"advisor: {error}", file=sys.stderr)
        return error.status
    try:
        if (ran.status and ran.status not in _STOPPED) or ran.may_have_failed():
            from advisor.running.conclude import explain

            explain(command, ran, answering() if answering is not None else _plain())
    except KeyboardInterrupt:
        pass  # whoever stops the diagnosis has still run the command
    except BrokenPipeError:
        pass  # nobody reads stderr any more
    except Exception as error:
        print(f"advisor: no diagnosis: {type(error).__name__}: {error}", file=sys.stderr)
    return ran.status


def _plain() -> Answering:
    from advisor.library import load_library
    from advisor.running.answer import Answering

    return Answering(load_library())
