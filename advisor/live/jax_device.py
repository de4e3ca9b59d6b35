"""The device of a failure that JAX raised; JAX has its backend then, so nothing is started by asking."""

from __future__ import annotations

import sys
from typing import Any

from advisor.facts import Observation
from advisor.library import Library
from advisor.live.device import seen
from advisor.names import resolve_gpu


def raised_by_jax(error: BaseException) -> bool:
    """Whether the exception is of JAX's runtime."""
    return any(base.__module__.split(".")[0] in ("jax", "jaxlib") for base in type(error).__mro__)


def jax_facts(library: Library) -> list[Observation]:
    """The card and how many there are. On the CPU "out of memory" is RAM, which JAX's words don't tell."""
    jax: Any = sys.modules.get("jax")
    if jax is None:
        return []
    found = [seen("runtime", "jax", "jax is imported", 93)]
    if jax.default_backend() == "cpu":
        kind = Observation(
            "failure_kind",
            "host_oom",
            0,
            "jax.default_backend() is cpu",
            rank=93,
            confidence=0.99,
            origin="measured",
            reader="live",
        )
        return [*found, kind]
    devices = jax.local_devices()
    name = str(devices[0].device_kind)
    card = resolve_gpu(name, library)
    return [
        *found,
        seen("gpu_name", card.name if card is not None else name, "jax.local_devices()[0].device_kind", 95),
        seen("gpu_count", int(jax.device_count()), "jax.device_count()"),
    ]
