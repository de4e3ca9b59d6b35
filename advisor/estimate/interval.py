"""How sure an estimate is: each cause of doubt by name with its share of the peak, and the 90 % interval that they make together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from advisor.estimate.spec import RunSpec

Doubts = dict[str, float]
"""Standard deviation of the logarithm of the peak by cause. Independent causes add up in quadrature."""

SHARES: Mapping[str, float] = {
    # Training. What a recorded step leaves open when everything is stated: blocks that the allocator doesn't split, on activations.
    "unsplit_blocks": 0.005,
    # Releases of PyTorch and Transformers differ in what a layer keeps; a real card adds library workspaces.
    "releases": 0.03,
    # No program is named: the family's layers may run in another code than Transformers'.
    "program": 0.04,
    # How a family's code departs from the usual layer, where its own is not recorded.
    "closed_form": 0.06,
    # Layers of a family that is built much like one whose code is recorded.
    "family": 0.06,
    # Layers and buffers that are gathered and freed as the communication goes.
    "sharding": 0.05,
    "quantised_kernels": 0.03,
    # Words of a training run, each worth what it moves between its usual values.
    "loop": 0.02, "mask": 0.03, "attention": 0.02, "optimizer_impl": 0.02, "lora_targets": 0.05, "lora_rank": 0.04,
    "lora_dropout": 0.02, "lora_fp32": 0.02,
    # A precision that had to be taken: 16 bits are usual, but full training may have fp32 weights below them.
    "precision_of_training": 0.15, "precision_of_adapters": 0.05, "precision_of_inference": 0.03,
    # Inference.
    "engine": 0.045, "server_share": 0.01, "framework_version": 0.05, "images": 0.08,
    # Diffusion models and convolutions: blocks counted by traces at two depths; kernels that keep copies of weights and inputs.
    "blocks": 0.05, "converted_inputs": 0.1, "bypass_adapters": 0.1, "sizes_of_layers": 0.25, "unknown_architecture": 0.3,
    # Weights by a count alone: layers, width and vocabulary are those of a usual decoder of that size.
    "size_alone": 0.08,
}  # fmt: skip
"""Each share was taken from replays of traces or from the size of the difference, then scaled so that 85 to 95 % of published peaks lie
within: 94 % of 206 of ten tables, 85 % of 154 more that were estimated blind first (docs/estimation.md)."""

ELASTIC: Mapping[str, tuple[float, tuple[str, ...]]] = {
    "seq_len": (0.6, ("activations", "recomputed", "logits", "kv_cache")),
    "batch_size": (0.6, ("activations", "recomputed", "logits", "kv_cache")),
    "gradient_checkpointing": (0.5, ("activations",)),
    "optimizer": (0.3, ("optimizer", "optimizer_step")),
    "image_resolution": (0.4, ("activations",)),
}
"""Sizes that had to be taken: the doubt about the size itself (half or twice as likely as not), times the share of the peak that
goes with it."""

_VIEWS = 1.645
"""Standard deviations on each side of a 90 % interval."""
MOST = 0.4


def spread(doubts: Mapping[str, float]) -> float:
    """The standard deviation of all causes together, at most `MOST`."""
    return min(MOST, math.sqrt(sum(share * share for share in doubts.values())))


def factor(doubts: Mapping[str, float]) -> float:
    """The upper end of the interval over the estimate; the lower end is the estimate over it."""
    return math.exp(_VIEWS * spread(doubts))


def causes(*names: str) -> Doubts:
    """Those causes with their shares."""
    return {name: SHARES[name] for name in names}


def of_training(run: RunSpec, recorded: bool, sharded: bool, own_code: bool = True) -> Doubts:
    """Doubts about a training run, without those about sizes that were assumed.

    Args:
        own_code: the recorded layers are the family's own.

    A run whose loop and mask are stated is described down to the code that runs, so neither releases nor programs apply to it.
    """
    if not recorded:
        made = causes("closed_form", "releases")
    else:
        made = causes("unsplit_blocks", *(() if own_code else ("family",)))
        told = all(word in run.words for word in ("loop", "mask")) and run.gpu_count <= 1 and not run.framework
        if not told:
            made |= causes("releases")
            if not run.framework:
                made |= causes("program")
        asked = ["loop", "mask", "attention"] + (["optimizer_impl"] if run.optimizer.startswith("adam") else [])
        made |= causes(
            *(word for word in asked if word not in run.words and not (word == "attention" and _stated(run)))
        )
    if run.adapters:
        rank = (
            ("lora_targets", "lora_rank")
            if run.framework or not recorded
            else ("lora_targets", "lora_rank", "lora_dropout", "lora_fp32")
        )
        made |= causes(*(word for word in rank if word not in run.words))
    if sharded:
        made |= causes("sharding")
    if run.quantization and not (recorded and (run.four_bits or run.eight_bits)):
        made |= causes("quantised_kernels")
    return made


def _stated(run: RunSpec) -> bool:
    return "flash_attention" in run.words


SURER: Mapping[str, float] = {"seq_len": 0.3, "gradient_checkpointing": 0.15, "image_resolution": 0.15}
"""The same where less is open: the text beside known images; checkpoints of encoders, towers and speech models, which are rare; the
picture of a network that was made for one size."""


def of_sizes(
    run: RunSpec,
    assumed: Mapping[str, object],
    parts: Mapping[str, float],
    own_doubts: Mapping[str, float] = MappingProxyType({}),
) -> Doubts:
    """Doubts about what was assumed: the size's own doubt times the share of the peak that goes with it.

    Args:
        assumed: words that had to be taken. parts: bytes of the peak by component. own_doubts: about sizes that are surer than usual.
    """
    total = sum(parts.values())
    if not total:
        return {}
    made = {
        word: own_doubts.get(word, own) * sum(parts.get(name, 0.0) for name in names) / total
        for word, (own, names) in ELASTIC.items()
        if word in assumed
    }
    if "precision" in assumed:
        kind = "inference" if run.task == "inference" else "adapters" if run.method != "full" else "training"
        made |= causes(f"precision_of_{kind}")
    return {word: share for word, share in made.items() if share > 0}


def grown(
    assumed: Mapping[str, object],
    phases: Mapping[str, float],
    moving: Mapping[str, float],
    own_doubts: Mapping[str, float] = MappingProxyType({}),
) -> float:
    """Bytes of the highest phase were the lengths and batches that had to be taken at the upper end of theirs, 0 where none were.

    Args:
        phases: bytes at the peak of each phase. moving: those of them that go with lengths and batches. own_doubts: as in `of_sizes`.
    """
    own = [own_doubts.get(word, ELASTIC[word][0]) for word in ("seq_len", "batch_size") if word in assumed]
    if not own:
        return 0.0
    more = math.exp(_VIEWS * math.hypot(*own)) - 1.0
    return max((count + more * moving.get(name, 0.0) for name, count in phases.items()), default=0.0)
