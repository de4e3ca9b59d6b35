"""What a weight takes in each format: plain number formats, and quantised ones with their scales and zero points."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from advisor.estimate.spec import RunSpec
from advisor.library import Library

PLAIN_BYTES: Mapping[str, float] = {
    "fp32": 4.0, "float32": 4.0, "tf32": 4.0, "fp64": 8.0,
    "fp16": 2.0, "float16": 2.0, "half": 2.0, "bf16": 2.0, "bfloat16": 2.0,
    "fp8": 1.0, "int8": 1.0,
    "amp-fp16": 4.0, "amp-bf16": 4.0,
}  # fmt: skip
"""Bytes of one weight by precision; mixed precision keeps its master weights in fp32."""


class WeightFormat(Struct, frozen=True):
    """A quantised storage format.

    Attributes:
        bits: stored bits of one weight.
        group, group_bytes: so many weights share so many bytes of scales and zero points; group 0 = per row, not counted.
        covers: linear, linear+head, or all (a whole-file average).
        on_device: weights arrive in 16 bits and are quantised on the card.
    """

    name: str
    bits: float
    group: float = 0.0
    group_bytes: float = 0.0
    covers: str = "linear"
    on_device: bool = False

    @property
    def bytes_per_weight(self) -> float:
        """Bytes of one covered weight, its share of the scales included."""
        return self.bits / 8 + (self.group_bytes / self.group if self.group else 0.0)


class StoredWeights(Struct, frozen=True):
    """Bytes of a model's weights: the quantised part, the rest, and what is there for a moment while loading."""

    quantised: float
    plain: float
    loading: float

    @property
    def total(self) -> float:
        return self.quantised + self.plain


def formats_of(settings: Mapping[str, Any]) -> dict[str, WeightFormat]:
    """Every format of `knowledge/quantization.yaml` by name and alias, in lower case."""
    known: dict[str, WeightFormat] = {}
    for row in settings.get("quantization", {}).get("formats", ()):
        made = WeightFormat(
            str(row["name"]), float(row["bits"]), float(row.get("group", 0)), float(row.get("group_bytes", 0)),
            str(row.get("covers", "linear")), row.get("loading") == "on_device",
        )  # fmt: skip
        for name in (made.name, *row.get("aliases", ())):
            known.setdefault(_plain_name(str(name)), made)
    return known


def find_format(name: str, known: Mapping[str, WeightFormat]) -> WeightFormat | None:
    """The format that `name` means, None for `none` and for words nobody knows.

    A name that is not listed is read from its front: `gptq-4bit-128g` is gptq4, `q4_k_m.gguf` is q4_k_m.
    """
    plain = _plain_name(name)
    if plain in ("", "none", "no", "false"):
        return None
    if plain in known:
        return known[plain]
    for end in range(len(plain) - 1, 1, -1):
        if plain[:end] in known:
            return known[plain[:end]]
    return None


def _plain_name(name: str) -> str:
    return name.strip().lower().replace("-", "").replace("_", "").replace(" ", "").replace("bitsandbytes", "bnb")


def stored_weights(
    linear: float,
    head: float,
    rest: float,
    plain_bytes: float,
    quantised: WeightFormat | None,
    largest_linear: float = 0.0,
) -> StoredWeights:
    """Bytes of the weights.

    Args:
        linear: weights in the linear layers of the blocks (count).
        head: weights of the output head, 0 where it is tied to the embedding (count).
        rest: embeddings, norms, biases, convolutions (count).
        plain_bytes: bytes of a weight that is not quantised.
        quantised: the format of the covered weights.
        largest_linear: the largest linear layer (count), there twice in 16 bits while it is quantised on the card.

    plain:  plain_bytes * (what is not covered)
    quant:  (bits / 8 + group_bytes / group) * (what is covered)
    """
    everything = linear + head + rest
    if quantised is None:
        return StoredWeights(0.0, plain_bytes * everything, 0.0)
    covered = {"linear": linear, "linear+head": linear + head}.get(quantised.covers, everything)
    loading = 2 * 2.0 * largest_linear if quantised.on_device else 0.0
    return StoredWeights(quantised.bytes_per_weight * covered, plain_bytes * (everything - covered), loading)


_formats: weakref.WeakKeyDictionary[Library, dict[str, WeightFormat]] = weakref.WeakKeyDictionary()


def format_of(run: RunSpec, library: Library) -> WeightFormat | None:
    """The format of the run's base weights, None where they are not quantised; of a file the average over its own weights."""
    if not run.quantization:
        return None
    known = _formats.get(library)
    if known is None:
        known = _formats[library] = formats_of(library.settings)
    found = find_format(run.quantization, known)
    bits = run.arch.get("bits_per_weight")
    if found is not None and found.covers == "all" and isinstance(bits, int | float) and bits > 0:
        return replace(found, bits=float(bits))
    return found
