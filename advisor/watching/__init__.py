"""Watch a run: when it dies of memory, say why and what to change, then let the exception go on.

with advisor.watch():
    train()

@advisor.watch
def train(): ...
"""

from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TextIO, TypeVar, overload

from advisor.watching.telling import diagnosis_of, tell

if TYPE_CHECKING:
    from advisor.api import Diagnosis

__all__ = ["Watch", "diagnosis_of", "tell", "watch"]

F = TypeVar("F", bound=Callable[..., Any])


class Watch:
    """A context manager and decorator. `diagnosis` is what was found, None as long as nothing died of memory."""

    def __init__(
        self,
        *,
        given: tuple[Any, ...] = (),
        facts: dict[str, Any] | None = None,
        lang: Literal["auto", "en", "zh"] = "auto",
        file: TextIO | None = None,
    ) -> None:
        self.diagnosis: Diagnosis | None = None
        self._given = [_reference(thing) for thing in given if thing is not None]
        self._facts = facts or {}
        self._lang: Literal["auto", "en", "zh"] = lang
        self._file = file

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        if error is not None:
            self._tell(error, trace)
        return False

    async def __aenter__(self) -> Watch:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        return self.__exit__(kind, error, trace)

    def __call__(self, function: F) -> F:
        """The function, watched whenever it is called: plain, generator, coroutine or asynchronous generator."""
        made: Any
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def made(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return await function(*args, **kwargs)

        elif inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def made(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return (yield from function(*args, **kwargs))

        elif inspect.isasyncgenfunction(function):

            @functools.wraps(function)
            async def made(*args: Any, **kwargs: Any) -> Any:
                with self:
                    async for each in function(*args, **kwargs):
                        yield each

        else:

            @functools.wraps(function)
            def made(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return function(*args, **kwargs)

        return made  # type: ignore[no-any-return]

    def _tell(self, error: BaseException, trace: TracebackType | None) -> None:
        given = [thing for thing in (reference() for reference in self._given) if thing is not None]
        found = tell(error, trace, given=given, facts=self._facts, lang=self._lang, file=self._file)
        self.diagnosis = found or self.diagnosis


def _reference(thing: Any) -> Callable[[], Any]:
    """A weak reference where there can be one: a decorator lives as long as the program."""
    try:
        return weakref.ref(thing)
    except TypeError:
        return lambda: thing


@overload
def watch(function: F, /) -> F: ...
@overload
def watch(
    *,
    model: Any = None,
    optimizer: Any = None,
    args: Any = None,
    trainer: Any = None,
    lang: Literal["auto", "en", "zh"] = "auto",
    file: TextIO | None = None,
    **facts: object,
) -> Watch: ...
def watch(
    function: Any = None,
    /,
    *,
    model: Any = None,
    optimizer: Any = None,
    args: Any = None,
    trainer: Any = None,
    lang: Literal["auto", "en", "zh"] = "auto",
    file: TextIO | None = None,
    **facts: object,
) -> Any:
    """Watches a block (`with advisor.watch():`) or a function (`@advisor.watch`, `@advisor.watch(...)`).

    When an exception of memory passes, the diagnosis is printed and the same exception goes on. Nothing is needed: the model, the
    optimizer, the arguments and the batch are found in the frames. What is named is looked at first.

    Args:
        model, optimizer, args, trainer: the run's own objects, held by weak references.
        lang: the language of the answer.
        file: where the diagnosis is printed; standard error at the time of the failure when absent.
        facts: what the process can't show or gets wrong: `gpu_name="RTX 4090"`, ... (`advisor facts` lists them).

    Raises:
        FactError: there is no such fact, or it can't have that value.
    """
    if function is not None:
        if not callable(function) or isinstance(function, type):
            raise TypeError(f"watch() takes a function or keywords, not {type(function).__name__}")
        return Watch()(function)
    checked: dict[str, Any] = {}
    if facts:
        from advisor.facts import check_facts

        checked = dict(check_facts(facts))
    return Watch(given=(trainer, args, model, optimizer), facts=checked, lang=lang, file=file)
