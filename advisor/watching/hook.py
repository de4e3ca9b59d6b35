"""The diagnosis of an exception that nobody catches, through `sys.excepthook` and `threading.excepthook`."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

from advisor.watching.telling import tell


class Hook:
    """Adds the diagnosis below the traceback of an uncaught exception, and takes itself off again.

    Args:
        given: what the diagnosis looks at first, asked for at the failure.
        facts: stated facts, checked already.
    """

    def __init__(self, given: Callable[[], list[Any]], facts: dict[str, Any] | None = None, lang: Any = "auto") -> None:
        self._given, self._facts, self._lang = given, facts, lang
        self._active = False
        self._before: Any = sys.__excepthook__
        self._before_thread: Any = threading.__excepthook__

    def install(self) -> None:
        """Sets the hooks; a second call does nothing."""
        if self._active:
            return
        self._active = True
        shell = _shell()
        if shell is not None:  # IPython shows exceptions itself and never calls the hooks
            from advisor.watching.notebook import load_ipython_extension

            load_ipython_extension(shell)
        # Bound methods are equal, not the same: a hook that was left in somebody's chain is not put behind itself.
        if sys.excepthook != self._uncaught:
            self._before, sys.excepthook = sys.excepthook, self._uncaught
        if threading.excepthook != self._uncaught_in_thread:
            self._before_thread, threading.excepthook = threading.excepthook, self._uncaught_in_thread

    def remove(self) -> None:
        """Puts back what was there. Where somebody has hooked in since, this one stays in their chain and only passes on."""
        self._active = False
        if sys.excepthook == self._uncaught:
            sys.excepthook = self._before
        if threading.excepthook == self._uncaught_in_thread:
            threading.excepthook = self._before_thread

    def _uncaught(self, kind: type[BaseException], error: BaseException, trace: Any) -> None:
        self._before(kind, error, trace)
        self._tell(error, trace)

    def _uncaught_in_thread(self, args: Any) -> None:
        self._before_thread(args)
        if args.exc_value is not None:
            self._tell(args.exc_value, args.exc_traceback)

    def _tell(self, error: BaseException, trace: Any) -> None:
        if self._active:
            tell(error, trace, given=self._given(), facts=self._facts, lang=self._lang)


def _shell() -> Any:
    """The IPython shell that the program runs in, if it does."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None
