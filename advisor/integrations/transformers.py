"""Hugging Face Trainer: a callback that says why training died of memory.

    from advisor.integrations.transformers import AdvisorCallback

    trainer = Trainer(..., callbacks=[AdvisorCallback()])

The Trainer has no event for exceptions. Handed over at construction, the callback watches the trainer's `train`, `evaluate` and `predict`;
added later (`trainer.add_callback`), it tells of exceptions that nobody catches, from the first event on.
"""

from __future__ import annotations

import sys
import weakref
from types import FrameType
from typing import Any, Literal

from advisor.errors import InputError
from advisor.facts import check_facts
from advisor.watching import watch
from advisor.watching.hook import Hook

try:
    from transformers import TrainerCallback
except ImportError as error:
    raise InputError("transformers is not installed", place=__name__, hint="pip install transformers") from error

WATCHED = ("train", "evaluate", "predict")


class AdvisorCallback(TrainerCallback):  # type: ignore[misc]
    """Prints the diagnosis of a failure of memory to standard error; the exception goes on.

    Args:
        lang: the language of the answer.
        facts: what the process can't show: `gpu_name="RTX 4090"`, ... (`advisor facts` lists them).

    Raises:
        FactError: there is no such fact, or it can't have that value.
    """

    def __init__(self, lang: Literal["auto", "en", "zh"] = "auto", **facts: object) -> None:
        self._lang: Literal["auto", "en", "zh"] = lang
        self._facts = dict(check_facts(facts))
        self._given: list[Any] = []
        self._hook: Hook | None = None
        self._wrapped = False

    def on_init_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        trainer = _trainer(sys._getframe(1))
        if trainer is None:
            return
        for name in WATCHED:
            if callable(getattr(type(trainer), name, None)) and name not in vars(trainer):
                vars(trainer)[name] = _Watched(trainer, name, self._lang, self._facts)
        self._wrapped = True

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._begin(args, kwargs)

    def on_prediction_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._begin(args, kwargs)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._hook is not None:
            self._hook.remove()

    def _begin(self, args: Any, kwargs: dict[str, Any]) -> None:
        if self._wrapped:
            return
        self._given = [
            weakref.ref(each) for each in (args, kwargs.get("model"), kwargs.get("optimizer")) if each is not None
        ]
        if self._hook is None:
            self._hook = Hook(self._alive, self._facts, self._lang)
        self._hook.install()

    def _alive(self) -> list[Any]:
        return [each for each in (reference() for reference in self._given) if each is not None]


class _Watched:
    """A method of a trainer, watched. It holds the trainer weakly, and is copied and pickled with it."""

    def __init__(self, trainer: Any, name: str, lang: Literal["auto", "en", "zh"], facts: dict[str, Any]) -> None:
        self.__setstate__({"trainer": trainer, "name": name, "lang": lang, "facts": facts})

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        trainer = self._trainer()
        with watch(trainer=trainer, lang=self._lang, **self._facts):
            return getattr(type(trainer), self.__name__)(trainer, *args, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        return {"trainer": self._trainer(), "name": self.__name__, "lang": self._lang, "facts": self._facts}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._trainer = weakref.ref(state["trainer"])
        self.__name__ = state["name"]
        self.__doc__ = getattr(type(state["trainer"]), state["name"]).__doc__
        self._lang: Literal["auto", "en", "zh"] = state["lang"]
        self._facts = state["facts"]


def _trainer(frame: FrameType | None) -> Any:
    """The trainer whose constructor called us: events are not told which one they are of."""
    for _ in range(8):
        if frame is None:
            return None
        if frame.f_code.co_name == "__init__":
            owner = frame.f_locals.get("self")
            if any(base.__name__ == "Trainer" for base in type(owner).__mro__):
                return owner
        frame = frame.f_back
    return None
