"""Training of any transformer in closed form: states, activations and logits under any layout, where no recorded model fits.

Sizes of one token: h hidden, f intermediate, k keys and values, v vocabulary. Bytes an element: e of activations.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from advisor.estimate.decoder import Parts
from advisor.estimate.parallel import Axes, Bytes, Weights, activation_share, auto_buckets, states_of
from advisor.estimate.towers import Tower

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


LOSS = 12.0
"""Bytes of a logit at the loss: log_softmax in fp32 (4), the gradient of nll_loss (4), that of log_softmax (4); what recorded steps of
decoders in 16 bits have at the end of the head. The 16-bit product and its fp32 copy are gone by then."""
POLICY_LOSS = 8.0
"""The same of a policy loss in 16 bits: logits, their log-softmax row by row, and the gradients of both (_get_per_token_logps of TRL
and its descendants, without the fp32 copy of a supervised loss)."""
CHUNKED_LOSS = 4.0
"""The same where head and loss go through slices of 128 tokens in 16 bits: all slices' logits and log-softmax stay for the backward pass,
their gradients come one by one (https://github.com/Lightning-AI/litgpt/blob/main/litgpt/utils.py, chunked_cross_entropy)."""
VOCAB_PARALLEL_LOSS = 6.0
"""The same in Megatron, over a tensor-parallel rank's part of the vocabulary: the 16-bit product and an fp32 copy, in which
exponentials, softmax and gradient are made in place
(https://github.com/NVIDIA/Megatron-LM/blob/main/megatron/core/tensor_parallel/cross_entropy.py)."""


class Step(Struct, frozen=True):
    """How a model is trained on one device.

    Attributes:
        batch: sequences. element: bytes of an activation. weight, trained: bytes of base and of trained weights.
        moments: optimizer bytes of a trained weight. master: fp32 copy of 16-bit weights in the optimizer. step: temporaries of its step.
        trained_weights: count. checkpointed, eager, autocast: as said. quantised: the base is unpacked layer by layer.
        loss_bytes: bytes of the logits of one vocabulary entry at their peak. vocab_split: logits are divided by tensor parallelism.
        accumulates: gradients of earlier micro-batches are there. scales_outputs: every layer's output has a learned scale.
        adapter_inputs: inputs of h and of f elements that a layer's adapters keep for themselves.
    """

    batch: float
    element: float = 2.0
    weight: float = 2.0
    trained: float = 2.0
    moments: float = 4.0
    master: float = 0.0
    step: float = 2.0
    trained_weights: float = 0.0
    checkpointed: bool = False
    eager: bool = False
    autocast: bool = False
    quantised: bool = False
    offload: str = "none"
    accumulates: bool = False
    loss_bytes: float = LOSS
    vocab_split: bool = False
    scales_outputs: bool = False
    adapter_inputs: tuple[int, int] = (0, 0)


def layer_kept(tower: Tower, step: Step) -> float:
    """Bytes that a layer keeps of one position for the backward pass.

    trained: two norms in fp32 (8 h) and their outputs (2 e h), rotated queries, keys, values and the output (e (2 h + 2 k)),
             residuals (e h), gate, up, their activation and product (4 e f, or 2 e f without a gate)
    frozen:  the same without the inputs that only a weight's gradient needs (-2 e h, -e f)
    eager attention: scores in e and fp32 probabilities, (2 e + 4) * heads * length more (one tile's length in a vision tower)
    learned scales on every layer's output: those outputs, e (4 h + 2 k + 2 f) more
    adapters: the input of each layer that carries one, cast for it alone (peft/tuners/lora/layer.py, _cast_input_dtype), e (a h + b f) more
    """
    h, f, e = float(tower.hidden), float(tower.ffn), step.element
    norms = 8 * h + (2 * e * h if tower.trained else 0.0)
    attention = e * (3 * h + 2 * tower.kv)
    mlp = e * f * ((4 if tower.gated else 2) - (0 if tower.trained else 1))
    span = tower.eager_span or (tower.positions if step.eager else 0.0)
    scores = (2 * e + 4) * tower.heads * span
    scaled = e * (4 * h + 2 * tower.kv + 2 * f) if step.scales_outputs else 0.0
    wide, inner = step.adapter_inputs if tower.adapted else (0, 0)
    return norms + attention + mlp + scores + scaled + e * (wide * h + inner * f)


def layer_backward(tower: Tower, step: Step) -> float:
    """Bytes of one position that a layer's backward pass needs beyond what it kept: gradients, 2 e f + 2 e h.

    Unfused attention has the gradients of its probabilities and scores at once as well: (e + 4) * heads * length.
    """
    span = tower.eager_span or (tower.positions if step.eager else 0.0)
    e = step.element
    return max(e * (2 * tower.ffn + 2 * tower.hidden), (e + 4) * tower.heads * span)


def body_bytes(chain: Sequence[Tower], step: Step, axes: Axes) -> tuple[float, float]:
    """What all towers keep, and the largest layer of a backward pass.

    A tower keeps nothing while nothing at or before it learns. With checkpoints each layer keeps its input, e h.
    """
    share = activation_share(axes)
    kept_in_all, largest, flows = 0.0, 0.0, False
    for tower in chain:
        flows = flows or tower.learns
        if not flows or not tower.layers:
            continue
        split = share if tower.name == "text" else 1.0
        positions = step.batch * tower.positions * split
        layers = tower.layers / (axes.world if axes.device_map else 1)
        if axes.pp > 1 and tower.name == "text":
            layers = (
                tower.layers / axes.pp * axes.pp
            )  # as many micro-batches in flight on the first stage as there are stages
        kept = layer_kept(tower, step)
        saved = step.element * tower.hidden if step.checkpointed else kept
        if step.offload == "activations":
            saved *= 0.0 if step.checkpointed else 0.1
        kept_in_all += positions * saved * layers
        largest = max(largest, positions * ((kept if step.checkpointed else 0.0) + layer_backward(tower, step)))
    return kept_in_all, largest


def _frozen_in_the_flow(chain: Sequence[Tower]) -> float:
    """Weights that don't learn but that gradients pass: autocast's copies of them are kept by the graph."""
    flows, total = False, 0.0
    for tower in chain:
        flows = flows or tower.learns
        total += tower.params if flows and not tower.trained else 0.0
    return total


class Peak(Struct, frozen=True):
    """Bytes by component of the largest moment, the peak of each phase, and how much of each depends on the lengths."""

    parts: dict[str, float]
    phase: str
    phases: dict[str, float]
    moving: dict[str, float]


def training_peak(chain: Sequence[Tower], vocab: int, parts: Parts, step: Step, axes: Axes) -> Peak:
    """The largest of: the end of the forward pass with its logits, a layer's backward, the optimizer step.

    forward:  states + activations + loss_bytes * tokens * v
    backward: states + activations + a layer's backward + the gradients that are there
    step:     states + gradients + the optimizer's temporaries
    """
    share = activation_share(axes)
    body, layer = body_bytes(chain, step, axes)
    text = next(tower for tower in chain if tower.name == "text")
    tokens = step.batch * text.positions * share
    has_head = vocab if chain[-1].name == "text" else 0
    logits = tokens * has_head * step.loss_bytes / (axes.tp if step.vocab_split else 1)
    blocks = max(sum(tower.layers for tower in chain), 1)
    outside = parts.rest + parts.head
    weights = Weights(
        parts.total,
        step.trained_weights,
        parts.experts,
        (parts.total - outside) / blocks,
        outside,
        parts.head or parts.rest,
    )
    held = states_of(axes, weights, Bytes(step.weight, step.trained, step.moments + step.master, step.step), step.offload,
                     step.accumulates, auto_buckets(text.hidden) if axes.zero == 3 else None)  # fmt: skip
    casts = 0.0
    if step.autocast and step.weight > step.element and not axes.zero and not axes.fsdp:
        casts = step.element * (step.trained_weights + (0.0 if step.checkpointed else _frozen_in_the_flow(chain)))
    unpacked = 2.0 * parts.linear / blocks / 4 if step.quantised else 0.0
    static = {"weights": held.weights, "optimizer": held.optimizer, "gathered": held.gathered, "buffers": held.buffers,
              "dequantised": unpacked}  # fmt: skip
    early = held.gradients if step.accumulates else 0.0
    moments = {
        "forward": {"activations": body, "logits": logits, "casts": casts, "gradients": early},
        "backward": {"activations": body + layer, "casts": casts, "gradients": max(early, held.gradients * 0.6)},
        "optimizer_step": {"gradients": held.gradients, "optimizer_step": held.step},
    }
    base = sum(static.values())
    phases = {name: base + sum(moment.values()) for name, moment in moments.items()}
    phase = max(phases, key=lambda name: phases[name])
    found = {**static, **moments[phase]}
    moving = {"forward": body + logits, "backward": body + layer}
    return Peak(
        {name: count for name, count in found.items() if count > 0}, phase, {"load": held.weights, **phases}, moving
    )
