"""Training of any transformer in closed form: states, activations and logits under any layout, where no recorded model fits.

Sizes of one token: h hidden, f intermediate, k keys and values, v vocabulary. Bytes an element: e of activations.
"""

from __future__ import annotations

from dataclasses import dataclass

from advisor.estimate.decoder import Parts
from advisor.estimate.inference import Decoder
from advisor.estimate.parallel import Axes, Bytes, Weights, activation_share, states_of

_STATE_BYTES = {
    "adamw": 2.0, "adam": 2.0, "adamax": 2.0, "lamb": 2.0, "nadam": 2.0, "paged_adamw": 2.0, "fused_adam": 2.0, "radam": 2.0,
    "sgd": 0.0, "sgd_momentum": 1.0, "lion": 1.0, "rmsprop": 1.0, "muon": 1.0, "adagrad": 1.0, "signsgd": 0.0,
}  # fmt: skip
"""Moments an optimizer keeps of each weight, in the weight's own type."""
_FIXED_BYTES = {
    "8bit": 2.06, "8-bit": 2.06, "adafactor": 0.02, "came": 0.03, "galore": 0.5, "apollo": 0.3, "fp8": 2.06, "4bit": 1.1,
    "4-bit": 1.1,
}  # fmt: skip
"""Bytes of both moments where they have a type of their own: quantised (1 byte and a scale for every 256), or factored."""


def moment_bytes(optimizer: str, trained_bytes: float) -> float:
    """Bytes of an optimizer's moments for each trained weight."""
    name = optimizer.lower()
    for word, count in _FIXED_BYTES.items():
        if word in name:
            return count * (0.5 if "lion" in name else 1.0)
    base = next((moments for word, moments in _STATE_BYTES.items() if name.startswith(word)), None)
    if base is None:
        base = next((moments for word, moments in _STATE_BYTES.items() if word in name), 2.0)
    width = 2.0 if name.endswith(("bf16", "fp16")) else trained_bytes
    return base * width


@dataclass(frozen=True, slots=True)
class Step:
    """How a transformer is trained on one device.

    Attributes:
        batch, tokens: sequences and their length. element: bytes of an activation. weight, trained: bytes of base and trained weights.
        moments: optimizer bytes of a trained weight. master: fp32 copy of 16-bit weights in the optimizer.
        trained_weights: count. adapters: the base is frozen. checkpointed, eager, fused_loss: as said.
        loss_bytes: bytes of the logits of one vocabulary entry at their peak.
        tower_tokens, tower_kept: vision positions of the batch and elements they keep, all layers together.
    """

    batch: float
    tokens: float
    element: float = 2.0
    weight: float = 2.0
    trained: float = 2.0
    moments: float = 4.0
    master: float = 0.0
    trained_weights: float = 0.0
    adapters: bool = False
    checkpointed: bool = False
    eager: bool = False
    fused_loss: bool = False
    autocast: bool = False
    offload: str = "none"
    accumulates: bool = False
    loss_bytes: float = 14.0
    tower_kept: float = 0.0


def layer_kept(model: Decoder, step: Step) -> float:
    """Bytes that a layer keeps of one token for the backward pass.

    trained: two norms in fp32 (8 h) and their outputs (2 e h), rotated queries, keys, values and the output (e (2 h + 2 k)),
             residuals (e h), gate, up, their activation and product (4 e f, or 2 e f without a gate)
    frozen base: the same without the inputs that only a weight's gradient needs (-2 e h, -e f)
    eager attention: scores in e and fp32 probabilities, (2 e + 4) * heads * length more
    """
    h, f, e = float(model.hidden), float(model.ffn), step.element
    k = model.cache.kv_heads * model.cache.head_dim if not model.cache.latent else model.hidden
    norms = 8 * h + (0.0 if step.adapters else 2 * e * h)
    attention = e * (2 * h + 2 * k + h)
    mlp = e * f * ((4 if model.gated else 2) - (1 if step.adapters else 0))
    scores = (2 * e + 4) * model.heads * step.tokens if step.eager else 0.0
    return norms + attention + mlp + scores


def layer_backward(model: Decoder, step: Step) -> float:
    """Bytes of one token that a layer's backward pass needs beyond what it kept: gradients, 2 e f + 2 e h."""
    return step.element * (2 * model.ffn + 2 * model.hidden)


@dataclass(frozen=True, slots=True)
class Peak:
    """Bytes by component of the largest moment, and the peak of each phase."""

    parts: dict[str, float]
    phase: str
    phases: dict[str, float]


def training_peak(model: Decoder, parts: Parts, step: Step, axes: Axes) -> Peak:
    """The largest of: the end of the forward pass with its logits, the first layer's backward, the optimizer step.

    activations = layers * (e h, or all that a layer keeps) + one layer's backward; the logits meet them at the end of the forward pass.
    """
    share = activation_share(axes)
    tokens = step.batch * step.tokens * share
    layers = model.layers / (axes.pp if axes.pp > 1 else (axes.world if axes.device_map else 1))
    in_flight = axes.pp if axes.pp > 1 else 1
    kept = layer_kept(model, step)
    saved = step.element * model.hidden if step.checkpointed else kept
    if step.offload == "activations":
        saved = 0.0 if step.checkpointed else saved * 0.1
    body = tokens * saved * layers * in_flight + step.tower_kept
    layer = tokens * ((kept if step.checkpointed else 0.0) + layer_backward(model, step))
    logits = tokens * model.vocab * (1.5 if step.fused_loss else step.loss_bytes) / (axes.tp if not step.fused_loss else 1)
    weights = Weights(
        parts.total, step.trained_weights, parts.experts, parts.linear / max(model.layers, 1), parts.rest + parts.head
    )
    size = Bytes(step.weight, step.trained, step.moments + step.master, step.trained)
    held = states_of(axes, weights, size, step.offload, step.accumulates)
    casts = step.element * parts.total if step.autocast and step.weight > step.element and not axes.zero and not axes.fsdp else 0.0
    static = {"weights": held.weights, "optimizer": held.optimizer, "gathered": held.gathered, "buffers": held.buffers}
    whole = held.gradients
    early = whole if step.accumulates else 0.0
    moments = {
        "forward": {"activations": body, "logits": logits, "casts": casts, "gradients": early},
        "backward": {"activations": body + layer, "casts": casts, "gradients": max(early, whole * 0.6)},
        "optimizer_step": {"gradients": whole, "step": held.step},
    }
    base = sum(static.values())
    phases = {name: base + sum(moment.values()) for name, moment in moments.items()}
    phase = max(phases, key=lambda name: phases[name])
    found = {**static, **moments[phase]}
    return Peak({name: count for name, count in found.items() if count > 0}, phase, {"load": held.weights, **phases})
