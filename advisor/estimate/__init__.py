"""Peak memory of a run from its specification: pure formulas over the architecture, no GPU and no model needed."""

from __future__ import annotations

from advisor.errors import TooLittleKnown
from advisor.estimate.result import Component, Estimate

__all__ = ["Component", "Estimate", "TooLittleKnown"]
