"""The functions and numbers of `signal` without its enumerations, whose import takes as long as the start of a command.

>>> signal.SIGTERM + 0, signal.getsignal(signal.SIGKILL) == signal.SIG_DFL
(15, True)
"""

from __future__ import annotations

TYPE_CHECKING = False  # `typing` is not imported before the command starts
if TYPE_CHECKING:
    import signal
else:
    try:
        import _signal as signal  # what `signal` itself is made of
    except ImportError:  # another interpreter than CPython
        import signal

__all__ = ["signal"]
