"""From a caught exception to the printed diagnosis; whatever fails here is swallowed, the user's exception goes on."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TextIO

if TYPE_CHECKING:
    from advisor.api import Diagnosis

_MARK = "__advisor_told__"
# Failures that the advisor has something to say about.
_KINDS = frozenset({"vram_oom", "kv_cache", "host_oom", "shm", "kernel_resources"})


def diagnosis_of(
    error: BaseException,
    trace: TracebackType | None = None,
    *,
    given: Iterable[Any] = (),
    facts: Mapping[str, Any] | None = None,
    lang: Literal["auto", "en", "zh"] = "auto",
) -> Diagnosis | None:
    """The diagnosis of an exception with what the process shows; None where it is no failure of memory.

    Args:
        trace: its traceback; the exception's own when absent.
        given: a model, an optimizer, arguments or a trainer to look at first.
        facts: stated facts, checked already.
    """
    from advisor.api import Diagnosis
    from advisor.diagnosis import default_library, diagnose
    from advisor.live import observe

    library = default_library()
    text, witness = observe(error, trace or error.__traceback__, library, given)
    found = diagnose(text, stated=facts or {}, library=library, lang=lang, witness=witness)
    return Diagnosis.of(found) if found.failure.kind in _KINDS else None


def tell(
    error: BaseException,
    trace: TracebackType | None = None,
    *,
    given: Iterable[Any] = (),
    facts: Mapping[str, Any] | None = None,
    lang: Literal["auto", "en", "zh"] = "auto",
    file: TextIO | None = None,
) -> Diagnosis | None:
    """Prints the diagnosis of an exception once; never raises.

    Returns:
        The diagnosis; None where there is none: another failure, one told already (by an inner watch), or a fault of ours.
    """
    try:
        from advisor.watching.caught import is_memory_failure

        if not isinstance(error, Exception | BaseExceptionGroup):
            return None  # an interrupt, an exit, a cancelled task
        if getattr(error, _MARK, False) or not is_memory_failure(error):
            return None
        _mark(error)
        found = diagnosis_of(error, trace, given=given, facts=facts, lang=lang)
        if found is not None:
            _print(found, file)
        return found
    except BaseException as fault:  # the user's exception matters, nothing that happens here does
        _complain(fault)
        return None


def _mark(error: BaseException) -> None:
    try:
        setattr(error, _MARK, True)
    except (AttributeError, TypeError):  # an exception with __slots__
        return


def _print(found: Diagnosis, file: TextIO | None) -> None:
    from advisor.render.text import render_text
    from advisor.watching.ranks import first_to_tell, rank_of

    if file is None:
        file = sys.stderr
        if not first_to_tell():
            file.write(f"advisor: rank {rank_of()} ran out of memory as well; one rank tells why\n")
            return
    file.write("\n")
    render_text(found, file=file)
    file.flush()


def _complain(fault: BaseException) -> None:
    try:
        sys.stderr.write(f"advisor: no diagnosis ({type(fault).__name__}: {str(fault)[:200]})\n")
        if os.environ.get("ADVISOR_DEBUG"):
            import traceback

            traceback.print_exception(fault)
    except BaseException:
        return
