"""IPython and Jupyter: `%load_ext advisor`, and every cell that dies of memory shows its diagnosis below its traceback."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from advisor.watching.telling import tell

_hook: Any = None


def load_ipython_extension(shell: Any) -> None:
    """What `%load_ext advisor` calls. Another custom handler of exceptions that is set already goes on working."""
    global _hook
    if _hook is not None:
        return
    before = shell.showtraceback

    def showtraceback(*args: Any, **kwargs: Any) -> Any:
        shown = before(*args, **kwargs)
        _show(*_raised(args))
        return shown

    # Not set_custom_exc: that takes the place of other handlers, and of IPython's own treatment of each kind of error.
    shell.showtraceback = showtraceback
    _hook = before


def unload_ipython_extension(shell: Any) -> None:
    """What `%unload_ext advisor` calls."""
    global _hook
    if _hook is not None:
        shell.showtraceback = _hook
        _hook = None


def _raised(args: tuple[Any, ...]) -> tuple[BaseException | None, TracebackType | None]:
    import sys

    told = args[0] if args and isinstance(args[0], tuple) else sys.exc_info()
    if told[1] is None:
        told = (getattr(sys, "last_type", None), getattr(sys, "last_value", None), getattr(sys, "last_traceback", None))
    return told[1], told[2]


def _show(error: BaseException | None, trace: TracebackType | None) -> None:
    """A kernel displays the diagnosis as HTML, a terminal prints it."""
    import io
    import sys

    if error is None:
        return
    kernel = "ipykernel" in sys.modules
    found = tell(error, trace, file=io.StringIO() if kernel else None)
    if found is None or not kernel:
        return
    try:
        from IPython.display import display

        display(found)  # type: ignore[no-untyped-call, unused-ignore]
    except Exception:
        sys.stderr.write(f"{found}\n")
