"""What a live process tells of its own failure: device, allocator, model, optimizer, batch, frames.

Nothing here imports a framework (it looks for one that is imported already), allocates on a device, or keeps an object alive.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, TypeVar

from advisor.facts import Observation
from advisor.library import Library
from advisor.live import arguments, device, held, jax_device, model, optimizer, sizes
from advisor.live.found import Found, look
from advisor.live.frames import text_of
from advisor.witness import Holding, Witness

__all__ = ["observe"]

T = TypeVar("T")


def observe(
    error: BaseException, trace: TracebackType | None, library: Library, given: Iterable[Any] = ()
) -> tuple[str, Witness]:
    """The text of a failure (arguments and traceback) and what the process shows beside it.

    Args:
        error: what was raised.
        trace: its traceback; the callers above it are looked at too.
        given: a model, an optimizer, arguments or a trainer that the caller named.
    """
    text = text_of(error, trace)
    observations: list[Observation] = []
    if "ipykernel" in sys.modules:
        observations.append(device.seen("signal", "notebook", "ipykernel is imported"))
    if jax_device.raised_by_jax(error):
        observations += _tried(jax_device.jax_facts, library) or []
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "Tensor"):
        return text, Witness("process", tuple(observations))
    found = look(trace, torch, given)
    try:
        return _observed(text, found, torch, library, observations)
    finally:
        del found  # with it go the last references to the program's objects


def _observed(
    text: str, found: Found, torch: Any, library: Library, observations: list[Observation]
) -> tuple[str, Witness]:
    observations += _tried(device.device_facts, torch, text, library) or []
    observations += _tried(device.world_facts, torch) or []
    observations += _tried(sizes.size_facts, found.tensors, text) or []
    observations += _tried(arguments.engine_facts, found.trainers) or []
    words: dict[str, Any] = {}
    main = _largest(found.models)
    if main is not None:
        activations = _tried(sizes.activation_format, found.tensors) or arguments.autocast_of(found.arguments)
        facts, words = _tried(model.model_facts, main, activations, text) or ([], {})
        observations += facts
    if found.optimizers:
        observations += _tried(optimizer.optimizer_facts, found.optimizers[0]) or []
        observations.append(device.seen("task", "train", "an optimizer is alive", 80))
    elif main is not None and not main.training:
        observations.append(device.seen("task", "inference", "the model is in eval mode, without an optimizer", 80))
    kind, _ = device.accelerator(torch)
    counter = held.Counter(torch, kind)
    holdings: list[Holding] = _tried(held.holdings, found.models, found.optimizers, found.caches, counter) or []
    rest = "activations" if found.optimizers else "temporaries"
    listed = _tried(arguments.arguments_text, found.arguments[:1], library) or ""
    return (f"{listed}\n{text}" if listed else text), Witness(
        "process", tuple(observations), words, tuple(holdings), rest
    )


def _largest(models: list[Any]) -> Any:
    counts = [sum(1 for _ in each.parameters()) and sum(int(p.numel()) for p in each.parameters()) for each in models]
    return models[counts.index(max(counts))] if counts and max(counts) > 0 else None


def _tried(look_at: Callable[..., T], *given: Any) -> T | None:
    """What a look gives; None where an object is not what it seemed. One odd object must not cost the other facts."""
    try:
        return look_at(*given)
    except Exception:
        return None
