"""Whether an exception is one of memory, told by its class and its words alone, without importing the runtime that raised it."""

from __future__ import annotations

from collections.abc import Iterator

from advisor.signs import confirmed

# Classes that mean one thing. Those with other uses (RuntimeError, JaxRuntimeError, InternalError) are told by their words.
_CLASSES = frozenset({
    "OutOfMemoryError",  # torch, torch.cuda, cupy, tensorrt_llm
    "ResourceExhaustedError",  # tensorflow
    "OutOfMemoryException", "MemoryError", "OutOfResources", "CUDAMemoryError",
})  # fmt: skip
_MAX_DEPTH = 32
_MAX_TEXT = 2**16


def is_memory_failure(error: BaseException) -> bool:
    """Whether the exception, or one behind it, tells of memory. A mere suspicion: the diagnosis decides.

    >>> is_memory_failure(RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"))
    True
    >>> is_memory_failure(ValueError("batch_size must be positive"))
    False
    """
    return any(_tells(each) for each in _behind(error))


def _behind(error: BaseException) -> Iterator[BaseException]:
    """The exception, its causes and contexts, and the members of groups; each once."""
    waiting, known = [error], set[int]()
    while waiting and len(known) < _MAX_DEPTH:
        each = waiting.pop()
        if id(each) in known:
            continue
        known.add(id(each))
        yield each
        waiting += [other for other in (each.__cause__, each.__context__) if other is not None]
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions


def _tells(error: BaseException) -> bool:
    if any(base.__name__ in _CLASSES for base in type(error).__mro__):
        return True
    try:
        text = f"{type(error).__name__}: {error}"[:_MAX_TEXT]
    except Exception:  # an exception whose own text fails
        return False
    return confirmed()(text.encode("utf-8", "replace"))
