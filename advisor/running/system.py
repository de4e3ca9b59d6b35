"""Functions of the C library that `os` lacks, called by the smallest part of `ctypes` that can: all of it takes longer to import.

>>> (function("getpid") or os.getpid)() == os.getpid()
True
>>> function("no_such_function") is None
True
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # `typing` is not imported before the command starts
if TYPE_CHECKING:
    from collections.abc import Callable


def function(name: str) -> Callable[..., int] | None:
    """A function of integers that gives an integer; None where the system has none of that name."""
    try:
        import _ctypes
    except ImportError:  # Python was built without it
        return None
    try:
        address = _ctypes.dlsym(_ctypes.dlopen(None, 0), name)  # type: ignore[arg-type] # None: this program and all it has loaded
    except (OSError, AttributeError):
        return None

    class Function(_ctypes.CFuncPtr):
        _flags_ = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_USE_ERRNO

    return Function(address)


def call_error() -> OSError:
    """Why the last function failed in this thread."""
    import _ctypes

    code = _ctypes.get_errno()
    return OSError(code, os.strerror(code))
