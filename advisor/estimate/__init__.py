"""Peak memory of a run from its specification: pure formulas over the architecture, no GPU and no model needed."""

from __future__ import annotations

from advisor.errors import TooLittleKnown
from advisor.estimate.result import Component, Estimate
from advisor.estimate.routes import estimate

__all__ = ["Component", "Estimate", "TooLittleKnown", "estimate"]
