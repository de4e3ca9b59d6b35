"""What a live optimizer is, in the words of the vocabulary."""

from __future__ import annotations

from typing import Any

from advisor.facts import Observation
from advisor.live.device import seen
from advisor.live.frames import attributes

# Class names whose word is not just their lower-case form.
_WORDS = {
    "adamw8bit": "adamw_8bit", "adam8bit": "adamw_8bit", "pagedadamw8bit": "paged_adamw_8bit", "pagedadam8bit": "paged_adamw_8bit",
    "pagedadamw": "paged_adamw", "pagedadamw32bit": "paged_adamw", "lion8bit": "lion_8bit", "pagedlion8bit": "paged_lion_8bit",
    "galoreadamw": "galore", "galoreadamw8bit": "galore", "fusedadam": "adamw", "deepspeedcpuadam": "adamw", "adam": "adamw",
}  # fmt: skip


def optimizer_facts(optimizer: Any) -> list[Observation]:
    """The optimizer's word, and how its step runs where the groups say so."""
    optimizer = _inner(optimizer)
    name = type(optimizer).__name__
    groups = attributes(optimizer).get("param_groups") or [{}]
    word = _WORDS.get(name.lower(), name.lower())
    if word == "sgd" and groups[0].get("momentum"):
        word = "sgd_momentum"
    bits = getattr(attributes(optimizer).get("args"), "optim_bits", None)
    if bits == 8 and "8bit" not in word:
        word = f"{word}_8bit"
    found = [seen("optimizer", word, f"type(optimizer) is {name}", 95)]
    for form in ("fused", "foreach"):
        if groups[0].get(form) is True:
            found.append(seen("optimizer_impl", form, f"{name}({form}=True)"))
    return found


def _inner(optimizer: Any) -> Any:
    """The optimizer inside wrappers (Accelerate, DeepSpeed, schedulers) that have one of their own as an attribute."""
    for _ in range(4):
        inner = attributes(optimizer).get("optimizer")
        if inner is None or "param_groups" not in attributes(inner):
            return optimizer
        optimizer = inner
    return optimizer
