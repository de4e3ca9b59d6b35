"""Lightning: a callback that says why training, validation or prediction died of memory.

    from advisor.integrations.lightning import AdvisorCallback

    trainer = Trainer(..., callbacks=[AdvisorCallback()])

Works with `lightning` and `pytorch_lightning`, whichever the program has imported.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any, Literal

from advisor.errors import InputError
from advisor.facts import check_facts
from advisor.watching import tell


def _base() -> Any:
    """The class of callbacks: of the package that is imported, else of the one that is installed."""
    packages = ("lightning.pytorch", "pytorch_lightning")
    for package in sorted(packages, key=lambda name: name not in sys.modules):
        try:
            return importlib.import_module(package).Callback
        except ImportError:
            continue
    raise InputError(
        "neither lightning nor pytorch_lightning is installed", place=__name__, hint="pip install lightning"
    )


_Callback = _base()


class AdvisorCallback(_Callback):  # type: ignore[misc, valid-type]
    """Prints the diagnosis of a failure of memory to standard error; the exception goes on.

    Args:
        lang: the language of the answer.
        facts: what the process can't show: `gpu_name="RTX 4090"`, ... (`advisor facts` lists them).

    Raises:
        FactError: there is no such fact, or it can't have that value.
    """

    def __init__(self, lang: Literal["auto", "en", "zh"] = "auto", **facts: object) -> None:
        super().__init__()
        self._lang: Literal["auto", "en", "zh"] = lang
        self._facts = dict(check_facts(facts))

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        given = [pl_module, *(getattr(trainer, "optimizers", None) or ()), trainer]
        tell(exception, given=given, facts=self._facts, lang=self._lang)
