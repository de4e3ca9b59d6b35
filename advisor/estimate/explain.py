"""The formula behind each component of a training run, with the numbers that stood for its symbols."""

from __future__ import annotations

from collections.abc import Mapping

from advisor.estimate.spec import RunSpec
from advisor.facts import FactValue

Formulas = dict[str, tuple[str, Mapping[str, FactValue]]]
_CHECKPOINTED = (
    "layers * tokens * hidden * bytes, the input of each layer; the layer being run again is under `recomputed`"
)
_KEPT = "sum over layers of what each operator keeps for the backward pass, a multiple of tokens * bytes (docs/estimation.md)"


def formulas(run: RunSpec, params: float, trained: float, layers: float, hidden: float, vocab: float) -> Formulas:
    """Formulas by component id.

    Args:
        params, trained: weights in all, and trained ones (counts). layers, hidden, vocab: of the decoder or encoder.
    """
    tokens = run.batch_size * run.seq_len
    element = run.compute_bytes
    base = 0.516 if run.four_bits else 1.0 if run.eight_bits else float(run.weight_bytes)
    kept = 4.0 if run.adapters and run.lora_fp32 else float(run.weight_bytes)
    sizes: dict[str, FactValue] = {"tokens": tokens, "layers": int(layers), "hidden": int(hidden), "bytes": element}
    return {
        "weights": ("params * bytes", {"params": params, "bytes": base}),
        "gradients": ("trained * bytes, those that are there at the peak", {"trained": trained, "bytes": kept}),
        "optimizer": (f"states of {run.optimizer} * trained * bytes", {"trained": trained, "bytes": kept}),
        "optimizer_step": ("temporaries of the step", {"trained": trained, "implementation": run.optimizer_impl}),
        "activations": (_CHECKPOINTED if run.gradient_checkpointing else _KEPT, sizes),
        "recomputed": ("what one checkpointed layer keeps while its backward pass runs", sizes),
        "logits": (
            "tokens * vocab * bytes of a logit: the product, its fp32 copy, log_softmax and their gradients, as far as they live together",
            {"tokens": tokens, "vocab": int(vocab)},
        ),
        "casts": ("weights in autocast's dtype that are kept", {"bytes": element}),
        "dequantised": ("one layer's weight in 16 bits while it is multiplied", {"bytes": 2}),
        "workspace": ("temporaries of the backward pass, and cuBLAS' workspaces", {"tokens": tokens}),
        "inputs": ("the batch itself", {"batch_size": run.batch_size}),
        "unsplit": ("remainders up to 1 MiB that the caching allocator does not split off", {}),
    }


__all__ = ["formulas"]
