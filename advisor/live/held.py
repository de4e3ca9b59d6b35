"""What holds the memory of a live process, counted in the tensors of its model and optimizer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from advisor.live.frames import attributes
from advisor.witness import Holding

GIB = 2**30
_DEPTH = 5


class Counter:
    """Adds up storages of one kind of device, each once, however many tensors share it."""

    def __init__(self, torch: Any, kind: str) -> None:
        self.torch = torch
        self.kind = kind
        self._known: set[int] = set()

    def bytes_of(self, tensors: Iterable[Any]) -> int:
        """The bytes of the tensors' storages that were not counted yet."""
        total = 0
        for tensor in tensors:
            local = attributes(tensor).get("_local_tensor", tensor)  # a DTensor's shard
            try:
                if local.device.type != self.kind:
                    continue
                storage = local.untyped_storage()
                place, size = storage.data_ptr(), storage.nbytes()
            except (RuntimeError, NotImplementedError, AttributeError):
                continue
            if place and place not in self._known:
                self._known.add(place)
                total += size
        return total


def holdings(models: Iterable[Any], optimizers: Iterable[Any], caches: Iterable[Any], count: Counter) -> list[Holding]:
    """GiB of weights, gradients, optimizer states and KV caches."""
    models = list(models)
    parameters = [each for model in models for each in model.parameters()]
    buffers = [each for model in models for each in model.buffers()]
    parts = {
        "weights": [*parameters, *buffers],
        "gradients": (each.grad for each in parameters if each.is_leaf and each.grad is not None),
        "optimizer": (
            each for optimizer in optimizers for each in _tensors(attributes(optimizer).get("state"), count.torch)
        ),
        "kv_cache": (each for cache in caches for each in _tensors(cache, count.torch)),
    }
    found = [Holding(name, count.bytes_of(tensors) / GIB) for name, tensors in parts.items()]
    return [part for part in found if part.gib > 0]


def _tensors(thing: Any, torch: Any, depth: int = 0) -> Iterator[Any]:
    """The tensors inside containers and plain objects."""
    if issubclass(type(thing), torch.Tensor):
        yield thing
    elif depth < _DEPTH:
        if isinstance(thing, dict):
            inner: Iterable[Any] = list(thing.values())
        elif type(thing) in (list, tuple):
            inner = thing
        else:
            inner = list(attributes(thing).values())
        for part in inner:
            yield from _tensors(part, torch, depth + 1)
