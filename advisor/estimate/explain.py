"""The formula behind each component of a training run, with the numbers that stood for its symbols."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from advisor.estimate.spec import RunSpec
from advisor.facts import FactValue

Formulas = dict[str, tuple[str, Mapping[str, FactValue]]]


class Sizes(Struct, frozen=True):
    """What the symbols stand for: weights in all, trained ones, layers and vocabulary of the decoder or encoder (counts)."""

    params: float
    trained: float
    layers: float
    vocab: float


def formulas(run: RunSpec, parts: Mapping[str, float], sizes: Sizes) -> Formulas:
    """Formulas by component id.

    What one weight, token or logit takes on this device at the peak stands in for the cases (shares, formats, what has been freed), so
    that each formula gives its component.

    Args:
        parts: bytes of the peak by component.
    """
    tokens = run.batch_size * run.seq_len

    def each(name: str, count: float) -> float:
        return round(parts.get(name, 0.0) / count, 4) if count else 0.0

    adapted = run.adapters
    base = parts.get("weights", 0.0)
    per_token = each("activations", tokens * sizes.layers)
    spread = (
        f" on each of {run.gpu_count} devices" if run.gpu_count > 1 and run.parallelism not in ("none", "ddp") else ""
    )
    weights = f"params * bytes{' (adapters and what is kept in fp32 included)' if adapted else ''}{spread}"
    kept = (
        "layers * tokens * bytes: the input of each checkpointed layer; the layer being run again is under `recomputed`"
        if run.gradient_checkpointing
        else "layers * tokens * bytes that a layer's operators keep of a token for the backward pass"
    )
    return {
        "weights": (weights, {"params": sizes.params, "bytes": round(base / sizes.params, 4) if sizes.params else 0.0}),
        "gradients": (f"trained * bytes that are there at the peak{spread}",
                      {"trained": sizes.trained, "bytes": each("gradients", sizes.trained)}),
        "optimizer": (f"trained * bytes of {run.optimizer}'s states{spread}",
                      {"trained": sizes.trained, "bytes": each("optimizer", sizes.trained)}),
        "optimizer_step": ("trained * bytes of the step's temporaries (the root of all second moments at once, in foreach kernels)",
                           {"trained": sizes.trained, "bytes": each("optimizer_step", sizes.trained),
                            "implementation": run.optimizer_impl}),
        "activations": (kept, {"layers": int(sizes.layers), "tokens": tokens, "bytes": per_token}),
        "recomputed": ("tokens * bytes that one layer keeps of a token while its backward pass runs",
                       {"tokens": tokens, "bytes": each("recomputed", tokens)}),
        "logits": ("tokens * vocab * bytes of a logit: log_softmax in fp32 and the two gradients of its size, or what else is there",
                   {"tokens": tokens, "vocab": int(sizes.vocab), "bytes": each("logits", tokens * sizes.vocab)}),
        "casts": ("copies of weights in autocast's type that the graph keeps", {"bytes": run.compute_bytes}),
        "dequantised": ("one layer's weight in 16 bits while it is multiplied", {"bytes": 2}),
        "workspace": ("temporaries of the operator that runs at the peak, and cuBLAS' workspaces", {}),
        "inputs": ("the batch itself", {"batch_size": run.batch_size}),
        "unsplit": ("remainders up to 1 MiB that the caching allocator does not split off", {}),
        "gathered": ("whole layers, gathered from the other devices while they compute", {"bytes": 2}),
        "buffers": ("buckets of the gradients' communication", {}),
    }  # fmt: skip


__all__ = ["Sizes", "formulas"]
