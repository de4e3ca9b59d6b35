"""Estimates made once per specification, counted, and corrected by what the message says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from advisor.errors import TooLittleKnown
from advisor.facts import FactValue
from advisor.plan.outcome import EstimateLike, Spec, need_gib

Estimator = Callable[[Mapping[str, Any]], EstimateLike]


class Meter:
    """An estimator with a memory: each specification is estimated once.

    Attributes:
        made: estimates made so far.
    """

    def __init__(self, estimate: Estimator) -> None:
        self._estimate = estimate
        self._known: dict[str, EstimateLike | None] = {}
        self._missing: dict[str, tuple[str, ...]] = {}
        self.made = 0

    def __call__(self, spec: Spec) -> EstimateLike:
        """The estimate of `spec`. Raises TooLittleKnown as the estimator does."""
        found = self.try_(spec)
        if found is None:
            raise TooLittleKnown(self._missing.get(_key(spec), ()))
        return found

    def try_(self, spec: Spec) -> EstimateLike | None:
        """The estimate of `spec`, or None where that specification can't be estimated."""
        key = _key(spec)
        if key not in self._known:
            self.made += 1
            try:
                self._known[key] = self._estimate(spec)
            except TooLittleKnown as error:
                self._known[key] = None
                self._missing[key] = error.missing
        return self._known[key]

    def need(self, spec: Spec) -> float:
        """What the card must have for `spec`, in GiB; infinite where it can't be estimated."""
        found = self.try_(spec)
        return need_gib(found) if found is not None else float("inf")


def _key(spec: Mapping[str, FactValue]) -> str:
    return repr(sorted(spec.items(), key=lambda item: item[0]))
