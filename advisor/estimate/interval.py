"""How sure an estimate is: the standard deviation of its figure, from what was stated and what had to be taken."""

from __future__ import annotations

import math

from advisor.estimate.spec import RunSpec

# What a recorded step leaves open when everything is stated: blocks that the allocator doesn't split, on activations. Its size was
# measured on replays of allocator traces (docs/estimation.md).
RECORDED = 0.005
# What closed forms leave open on top: how a family's code departs from the usual layer.
CLOSED_FORM = 0.075
# What each word moves when it is not stated, as a share of the peak: the difference that it makes between its usual values.
_UNSTATED = {"loop": 0.02, "mask": 0.03, "optimizer_impl": 0.02, "attention": 0.02, "seq_len": 0.25, "batch_size": 0.25,
             "precision": 0.2, "optimizer": 0.15, "gradient_checkpointing": 0.2}  # fmt: skip
_ADAPTER_WORDS = {"lora_rank": 0.05, "lora_targets": 0.05, "lora_dropout": 0.02, "lora_fp32": 0.02}
# Releases of PyTorch and Transformers differ in what a layer keeps; a run on real hardware adds library workspaces.
_VERSIONS = 0.035


def spread(run: RunSpec, recorded: bool) -> float:
    """Standard deviation of the logarithm of `allocated_gib` for a training run.

    Independent sources add up in quadrature. A run whose loop, mask and optimizer implementation are stated is described down to the
    code that runs, so the spread of versions does not apply to it.
    """
    if not recorded:
        return CLOSED_FORM
    asked = _UNSTATED if run.optimizer.startswith("adam") else {**_UNSTATED, "optimizer_impl": 0.0}
    open_words = [share for word, share in asked.items() if word not in run.words and word not in run.assumed]
    open_words += [_UNSTATED[word] / 4 for word in run.assumed if word in _UNSTATED]
    if run.adapters:
        open_words += [share for word, share in _ADAPTER_WORDS.items() if word not in run.words]
    known = all(word in run.words for word in ("loop", "mask")) and run.gpu_count <= 1 and not run.framework
    parts = [RECORDED, *open_words] + ([] if known else [_VERSIONS])
    return min(0.25, math.sqrt(sum(part * part for part in parts)))
