"""Every error that a person can meet: what went wrong, where, and what to do next.

AdvisorError
├── InputError        the text or file handed in can't be used
├── FactError         a stated fact has a value that it can't have
├── PackError         rules or knowledge that don't hold together (all faults of a pack at once)
├── EngineError       the rule engine refused a rule set or a case
└── TooLittleKnown    an estimate was asked for, and what it needs is not known
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct


class AdvisorError(Exception):
    """Base of all errors that end with exit status 2 instead of a traceback.

    Args:
        message: what went wrong, one sentence.
        place: file, line, option or fact where it went wrong.
        hint: the next step.
    """

    def __init__(self, message: str, *, place: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.hint = hint

    def __str__(self) -> str:
        head = f"{self.place}: {self.message}" if self.place else self.message
        return f"{head}\n{self.hint}" if self.hint else head


class InputError(AdvisorError):
    """The text or file handed in can't be used."""


class FactError(AdvisorError):
    """A stated fact has a value that it can't have, or a name that no fact has."""


class EngineError(AdvisorError):
    """The rule engine refused a rule set or failed on a case."""


class TooLittleKnown(AdvisorError):
    """An estimate needs facts that are absent; `missing` names them, the most valuable first, `name` a model that nobody knows."""

    def __init__(self, missing: Sequence[str], name: str = "") -> None:
        self.missing = tuple(missing)
        if name:
            super().__init__(
                f"no model is known as {name!r}, and neither its size nor its architecture is stated",
                hint="Search the models with `advisor models WORDS`, or state params_b, or hand in its files (--model-path).",
            )
            return
        super().__init__(
            f"not enough is known for an estimate: {', '.join(self.missing)}",
            hint="State one of them, for example the model's name on the Hugging Face Hub.",
        )


class Fault(Struct, frozen=True):
    """One fault of a pack: `path:line: message`."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}" if self.line else f"{self.path}: {self.message}"


class PackError(AdvisorError):
    """A pack of rules or knowledge has faults; all of them are listed, each with its place."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        count = len(self.faults)
        super().__init__(
            "\n".join(str(fault) for fault in self.faults),
            hint=f"{count} fault{'s' if count != 1 else ''}. `advisor rules check DIR` checks a pack again.",
        )
