"""The frames of a failure: their text for the readers, and their local variables, looked at without keeping any of them."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from types import FrameType, TracebackType
from typing import Any

MAX_FRAMES = 120  # a recursion ends in more; the outermost and the innermost ones tell what ran
MAX_MESSAGE = 2**16
_OPTIMIZED = 0x1  # inspect.CO_OPTIMIZED: the frame of a function, whose f_locals is a copy
# What starts programs; its own frames say nothing of the run.
_LAUNCHERS = frozenset(
    {"runpy", "_pytest", "pluggy", "IPython", "ipykernel", "click", "typer", "fire", "concurrent", "multiprocessing"}
)
_OWN = ("advisor.watching", "advisor.live", "advisor.integrations")


def text_of(error: BaseException, trace: TracebackType | None) -> str:
    """The traceback as Python prints it, from the outermost caller to the error, with the errors behind it; our own frames left out."""
    told = traceback.TracebackException(type(error), error, trace, limit=-MAX_FRAMES)
    inner = [frame for frame, own in zip(told.stack, list(_own(trace))[-MAX_FRAMES:], strict=False) if not own]
    outer = traceback.StackSummary.extract(
        (frame, frame.f_lineno) for frame in reversed(list(callers(trace))) if not _is_own(frame)
    )
    told.stack = traceback.StackSummary.from_list([*outer, *inner])
    return "".join(part if len(part) < MAX_MESSAGE else part[:MAX_MESSAGE] + "\n" for part in told.format())


def frames(trace: TracebackType | None) -> Iterator[FrameType]:
    """The frames of a failure from the outermost caller to the one that raised, our own left out."""
    for frame in reversed(list(callers(trace))):
        if not _is_own(frame):
            yield frame
    inner = []
    while trace is not None:
        inner.append(trace.tb_frame)
        trace = trace.tb_next
    if len(inner) > 2 * MAX_FRAMES:
        inner = inner[:MAX_FRAMES] + inner[-MAX_FRAMES:]
    for frame in inner:
        if not _is_own(frame):
            yield frame


def callers(trace: TracebackType | None) -> Iterator[FrameType]:
    """The frames above the traceback, the nearest first, up to what launched the run."""
    frame = trace.tb_frame.f_back if trace is not None else None
    for _ in range(MAX_FRAMES):
        if frame is None or _module(frame).partition(".")[0] in _LAUNCHERS:
            return
        yield frame
        frame = frame.f_back


def local_values(frame: FrameType) -> dict[str, Any]:
    """The names of a frame with their values.

    Before Python 3.13 `f_locals` of a function is a copy that stays on the frame: values deleted later would live on in it, so it is
    emptied again. Of a module it is the namespace itself.
    """
    found = frame.f_locals
    values = dict(found)
    if frame.f_code.co_flags & _OPTIMIZED and type(found) is dict:
        found.clear()
    return values


def _is_own(frame: FrameType) -> bool:
    return _module(frame).startswith(_OWN)


def _module(frame: FrameType) -> str:
    name = frame.f_globals.get("__name__")
    return name if isinstance(name, str) else ""


def _own(trace: TracebackType | None) -> Iterator[bool]:
    while trace is not None:
        yield _is_own(trace.tb_frame)
        trace = trace.tb_next


def attributes(thing: object) -> Mapping[str, Any]:
    """An object's own attributes, read without running any of its code."""
    try:
        found = object.__getattribute__(thing, "__dict__")
    except AttributeError:
        return {}
    return found if type(found) is dict and len(found) < 2000 else {}


def kinds(thing: object) -> set[str]:
    """The names of an object's class and its bases."""
    return {base.__name__ for base in type(thing).__mro__}
