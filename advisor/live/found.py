"""Which objects of a failed program matter: models, optimizers, training arguments, tensors of the batch."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any

from advisor.live.frames import attributes, frames, kinds, local_values

# Objects that hold a model, an optimizer or arguments among their attributes, whatever the variable is called.
_MAX_ATTRIBUTES = 300
_HOLDERS = ("Trainer", "Engine", "Accelerator", "Fabric", "Learner", "Runner", "Worker", "Pipeline", "LightningModule")
_CACHES = frozenset({"past_key_values", "past_key_value", "kv_cache", "key_value_cache", "cache_params"})


class Found:
    """What was found, the outermost first. Lives for the time of one look only: it holds the objects themselves."""

    def __init__(self) -> None:
        self.models: list[Any] = []
        self.optimizers: list[Any] = []
        self.arguments: list[Any] = []
        self.trainers: list[Any] = []
        self.tensors: list[tuple[str, Any]] = []
        self.caches: list[Any] = []
        self._seen: set[int] = set()
        self._parts: set[int] = set()

    def take(self, name: str, value: Any, torch: Any) -> bool:
        """Sorts one value in; whether it was of a kind that is looked for."""
        kind = type(value)
        if issubclass(kind, torch.Tensor):
            self.tensors.append((name, value))
            return True
        if id(value) in self._seen:
            return False
        names = kinds(value)
        if issubclass(kind, torch.nn.Module):
            self._model(value)
        elif issubclass(kind, torch.optim.Optimizer):
            self.optimizers.append(value)
        elif any(each.endswith("TrainingArguments") for each in names):
            self.arguments.append(value)
        elif name in _CACHES:
            self.caches.append(value)
        elif any(each.endswith(("Trainer", "Engine", "DiffusionPipeline")) for each in names):
            self.trainers.append(value)
            self._seen.add(id(value))
            return False
        else:
            return False
        self._seen.add(id(value))
        return True

    def _model(self, module: Any) -> None:
        if id(module) in self._parts:
            return
        parts = {id(part) for part in module.modules()}
        self._parts |= parts
        self.models = [model for model in self.models if id(model) not in parts]
        self.models.append(module)


def look(trace: TracebackType | None, torch: Any, given: Iterable[Any] = ()) -> Found:
    """What the frames of a failure hold; where they hold no model, what the garbage collector knows.

    Args:
        given: objects that the caller named (a model, an optimizer, arguments, a trainer); they come first.
        torch: the imported module.
    """
    found = Found()
    for thing in given:
        if not found.take("given", thing, torch):
            _inside(found, thing, torch)
    of_modules: list[tuple[str, Any]] = []
    for frame in frames(trace):
        before = len(found.tensors)
        for name, value in local_values(frame).items():
            if name.startswith("__"):
                continue
            if found.take(name, value, torch):
                continue
            if type(value) in (dict, list, tuple) or "UserDict" in kinds(value) or "ModelOutput" in kinds(value):
                for key, part in _items(value):
                    found.take(f"{name}.{key}", part, torch)
            elif name == "self" or type(value).__name__.endswith(_HOLDERS):
                _inside(found, value, torch)
        if frame.f_code.co_name == "<module>":
            of_modules += found.tensors[before:]
            del found.tensors[before:]
    found.tensors += of_modules
    if not any(_has_parameters(model) for model in found.models) or not found.optimizers:
        _collected(found, torch)
    return found


def _inside(found: Found, thing: Any, torch: Any) -> None:
    """The attributes of a trainer, an engine, or of whatever object the code runs in."""
    for index, (name, value) in enumerate(list(attributes(thing).items())):
        if index >= _MAX_ATTRIBUTES:
            break
        if not issubclass(type(value), torch.Tensor):
            found.take(name, value, torch)


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    """The first items of a batch: a mapping or a sequence."""
    if type(value) in (list, tuple):
        yield from ((str(index), part) for index, part in enumerate(value[:16]))
        return
    data = value if type(value) is dict else attributes(value).get("data", value)
    if isinstance(data, dict) and len(data) <= 256:
        yield from ((str(key), part) for key, part in list(data.items()))


def _collected(found: Found, torch: Any) -> None:
    """Models and optimizers that no frame names (a training loop behind a C extension, a notebook's cells)."""
    lacks_model = not any(_has_parameters(model) for model in found.models)
    lacks_optimizer = not found.optimizers
    modules, optimizers = [], []
    for thing in gc.get_objects():
        kind = type(thing)
        if lacks_model and issubclass(kind, torch.nn.Module):
            modules.append(thing)
        elif lacks_optimizer and issubclass(kind, torch.optim.Optimizer):
            optimizers.append(thing)
    inner = {id(part) for module in modules for part in attributes(module).get("_modules", {}).values()}
    for module in modules:
        if id(module) not in inner and _has_parameters(module):
            found.take("collected", module, torch)
    trained = {id(each) for model in found.models for each in model.parameters()}
    for optimizer in optimizers:
        groups = attributes(optimizer).get("param_groups") or [{}]
        if any(id(each) in trained for each in groups[0].get("params", ())):
            found.take("collected", optimizer, torch)


def _has_parameters(module: Any) -> bool:
    return next(iter(module.parameters()), None) is not None
