"""Mixtures of experts: the router, and the experts as grouped products or one by one."""

from __future__ import annotations

from advisor.estimate.architecture import Tower
from advisor.estimate.tape import ops
from advisor.estimate.tape.tensor import Tape, Tensor


@ops.module
def block(tape: Tape, hidden: Tensor, t: Tower) -> Tensor:
    raise NotImplementedError
