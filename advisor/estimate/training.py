"""The peak of a training run on one device, phase by phase."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from advisor.estimate.architecture import Architecture, Tower
from advisor.estimate.layout import Layout
from advisor.estimate.models import vit
from advisor.estimate.recording import Recording, record
from advisor.estimate.spec import RunSpec
from advisor.estimate.states import OptimizerCost, optimizer_cost
from advisor.estimate.tape.linear import Lora
from advisor.estimate.tape.tensor import RANK, Mode

# How the shorthands of `lora_targets` map to a family's module names (peft/utils/constants.py).
_ATTENTION = {
    "gpt2": "c_attn", "gpt_neox": "query_key_value", "bloom": "query_key_value", "falcon": "query_key_value",
    "phi": "q_proj k_proj v_proj dense", "phi3": "qkv_proj o_proj", "opt": "q_proj v_proj", "bert": "query value",
    "roberta": "query value", "deberta-v2": "query_proj value_proj",
    "distilbert": "q_lin v_lin", "t5": "q v", "bart": "q_proj v_proj", "whisper": "q_proj v_proj", "vit": "q_proj v_proj",
    "dinov2": "query value", "clip_text_model": "q_proj v_proj", "siglip_text_model": "q_proj v_proj",
}  # fmt: skip
_VALUES = frozenset({"q_proj", "v_proj", "query", "value", "q", "v"})


def lora_names(targets: str | tuple[str, ...], kind: str) -> str | tuple[str, ...]:
    """Module names for `attention` and `qv`; other shorthands and lists as they are."""
    if isinstance(targets, tuple):
        return targets
    word = targets.lower().replace("_", "-")
    if word in ("all-linear", "all", "alllinear"):
        return "all-linear"
    if word == "lm-all-linear":
        return word
    if word in ("attention", "attn", "qkvo"):
        return tuple(_ATTENTION.get(kind, "q_proj k_proj v_proj o_proj").split())
    if word == "qv":
        names = tuple(_ATTENTION.get(kind, "q_proj k_proj v_proj o_proj").split())
        return tuple(name for name in names if name in _VALUES) or names
    return tuple(targets.replace(",", " ").split())


def mode_of(run: RunSpec, arch: Architecture) -> Mode:
    """What decides the course of the step, without its lengths and the rank of its adapters."""
    adapters = run.adapters
    quantised = "nf4" if run.four_bits else "int8" if run.eight_bits else ""
    item = 4 if quantised and run.kbit_prepare else run.weight_bytes
    lora = None
    if adapters:
        lora = Lora(
            run.lora_dropout,
            4 if run.lora_fp32 else run.weight_bytes,
            lora_names(run.lora_targets, arch.text.kind),
        )
    window = int(arch.text.get("sliding_window") or 0)
    return Mode(
        item=item, autocast=run.autocast_bytes if run.autocast_bytes < 4 else 0, frozen=_frozen(run), base_frozen=adapters, lora=lora,
        checkpoint=("reentrant" if run.checkpoint_reentrant else "plain") if run.gradient_checkpointing else "",
        attention=run.attention if run.attention in ("eager", "flash") else "sdpa", mask="" if run.mask == "none" else run.mask,
        accumulated=run.grad_accum > 1, keep_outputs=run.loop == "plain", upcast_outputs=bool(run.autocast_bytes) and run.loop == "trainer",
        fused_ce=run.fused_ce, quantised=quantised, window=bool(window) and run.seq_len >= window,
    )  # fmt: skip


def _frozen(run: RunSpec) -> tuple[str, ...]:
    names = {"visual": "vision", "vit": "vision", "vision_tower": "vision", "llm": "text", "language_model": "text"}
    return tuple(names.get(part, part) for part in run.frozen)


def lengths(run: RunSpec, arch: Architecture) -> dict[str, float]:
    """The value of each monomial: B batch, S tokens, T tokens of the decoder, I images, N positions of an image in its tower, M tokens of
    an image in the decoder, W text tokens alone; R before one, the adapters' rank; ^128 rounded up to 128."""
    b, s = float(run.batch_size), float(run.seq_len)
    if arch.family == "clip":
        s = float(arch.text.positions)
    vision = arch.vision or arch.text
    images = b * max(1, run.images_per_sample)
    n = float(run.vision_tokens or _grid_tokens(run, vision) or vit.positions_of(vision))
    m = float(run.image_tokens or n)
    t = float(run.tgt_seq_len or (448 if arch.family == "whisper" else run.seq_len))
    up = 128.0
    s128, t128, n128 = -(-s // up) * up, -(-t // up) * up, -(-n // up) * up
    known = {
        "1": 1.0, "B": b, "S": s, "BS": b * s, "SS": s * s, "BSS": b * s * s, "BS^128": b * s128,
        "T": t, "BT": b * t, "TT": t * t, "BTT": b * t * t, "TS": t * s, "BTS": b * t * s, "BT^128": b * t128,
        "I": images, "IN": images * n, "INN": images * n * n, "IN^128": images * n128, "IM": images * m,
        "BW": max(b, b * s - images * m), "BB": b * b,
    }  # fmt: skip
    return known | {RANK + name: run.lora_rank * value for name, value in known.items()} if run.adapters else known


def _grid_tokens(run: RunSpec, vision: Tower) -> float:
    return float(run.image_grid[0] * run.image_grid[1]) if run.image_grid else 0.0


class Phases(Struct, frozen=True):
    """The peaks of the phases, in bytes, and the parts of the highest."""

    peaks: dict[str, float]
    phase: str
    parts: dict[str, float]


def phases(
    run: RunSpec, recording: Recording, lengths_: Mapping[str, float], layout: Layout, logits: float = 0.0
) -> tuple[Phases, OptimizerCost]:
    """Forward, backward and the optimizer's step of a later step, when the optimizer's states are there.

    Copies of the trained weights (gradients, states, temporaries) carry the allocator's unsplit blocks in proportion.

    Args:
        logits: bytes of the logits at the end of the forward pass, where the recording has a chunked loss in place of the run's own.
    """
    t, program = recording.totals, recording.program
    cost = optimizer_cost(run.optimizer, run.optimizer_impl, t)
    swell = 1.0 + (t.unsplit / t.trained if t.trained else 0.0)
    values = program.values(lengths_, {"gradients": layout.gradients * swell})
    places = program.peaks(values)
    # The chunks of a chunked loss stand in the recording for the loss that takes their place.
    more_logits = logits - program.parts(values, places["forward"]).get("logits", 0.0) if logits else 0.0
    gradients = t.trained * layout.gradients * swell
    left = {name: size for name, size in program.left(values).items() if name != "gradients" and size > 0}
    held = sum(left.values())
    states = cost.states * layout.optimizer * swell
    temporaries = cost.temporaries * layout.optimizer * (swell if cost.temporaries >= t.trained else 1.0)
    if layout.step is not None:
        temporaries = layout.step
    weights = t.weights * layout.weights
    standing = {
        "weights": weights, "optimizer": states if run.steps > 1 else 0.0, "unsplit": t.unsplit_all * layout.weights,
    }  # fmt: skip
    if run.grad_accum > 1:
        standing["gradients"] = gradients
    fixed = sum(standing.values())
    # The outputs of the last step live on until the new ones replace them; its batch goes when the new one is made.
    before = {name: size for name, size in left.items() if name != "inputs"}
    peaks = {
        phase: fixed + place.total + (sum(before.values()) + more_logits if phase == "forward" else 0.0)
        for phase, place in places.items()
    }
    step = {**standing, "optimizer": states, "gradients": gradients, "optimizer_step": temporaries}
    peaks["optimizer_step"] = sum(step.values()) + held
    phase = max(peaks, key=peaks.__getitem__)
    if phase == "optimizer_step":
        parts, more = step, left
    else:
        parts, more = program.parts(values, places[phase]), before if phase == "forward" else {}
        for name, size in {**standing, "logits": more_logits if phase == "forward" else 0.0}.items():
            parts[name] = parts.get(name, 0.0) + size
    for name, size in more.items():
        parts[name] = parts.get(name, 0.0) + size
    return Phases(peaks, phase, parts), cost


def record_run(run: RunSpec, arch: Architecture) -> Recording:
    return record(arch, mode_of(run, arch), run.lora_rank if run.adapters else 1)
