"""A recorded training step under any layout: the exact course of one device's activations, with the states that the device keeps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from advisor.estimate.architecture import Architecture, architecture
from advisor.estimate.closed_form import CHUNKED_LOSS, POLICY_LOSS, VOCAB_PARALLEL_LOSS, Peak, Step
from advisor.estimate.decoder import Parts, text_config
from advisor.estimate.layout import Layout
from advisor.estimate.parallel import (
    FLAT_BLOCKS,
    Axes,
    Bytes,
    DeviceStates,
    Weights,
    activation_share,
    auto_buckets,
    states_of,
)
from advisor.estimate.recording import FORWARD
from advisor.estimate.spec import ALGORITHMS, RunSpec
from advisor.estimate.training import lengths, phases, record_run

_METHODS = frozenset({"full", "lora", "dora", "qdora", "qlora", "rslora", "lora+", "loraplus", "pissa", "freeze"})
_LIKE_LORA = frozenset({"adapter", "prompt_tuning", "p_tuning", "prefix_tuning", "vera", "oft", "boft"})
"""Methods that add small trained parts through whose frozen surroundings gradients pass, as with adapters of the least rank."""
PREFIX_START = 2
"""Layers below the first one that a LLaMA-Adapter's prompts reach: no gradient flows there, so they keep nothing
(https://github.com/Lightning-AI/litgpt/blob/main/litgpt/adapter.py, adapter_start_layer)."""
_BNB = frozenset({"nf4", "nf4-dq", "int8"})
# What people and configurations call the layers that carry adapters, in the shorthands of the recorder.
_TARGETS: Mapping[str, str | tuple[str, ...]] = {
    "q,v": "qv", "query,value": "qv", "q_proj,v_proj": "qv", "qv": "qv",
    "c_attn": ("q_proj", "k_proj", "v_proj"), "w_pack": ("q_proj", "k_proj", "v_proj"), "qkv_proj": ("q_proj", "k_proj", "v_proj"),
    "query_key_value": ("q_proj", "k_proj", "v_proj"), "q,k,v": ("q_proj", "k_proj", "v_proj"), "q,k,v,o": "attention",
    "query,key,value,projection": "attention", "linear_qkv,linear_proj": "attention", "c_attn,c_proj,w1,w2": "all-linear",
    "query,key,value,projection,mlp": "all-linear", "query,key,value,projection,mlp,head": "all-linear",
}  # fmt: skip


def targets_of(targets: str | tuple[str, ...]) -> str | tuple[str, ...]:
    """Adapter targets in the recorder's words."""
    text = ",".join(targets) if isinstance(targets, tuple) else targets
    text = text.split("modules_to_save")[0].split("(")[0].strip(" ;")
    key = ",".join(part for part in text.lower().replace(";", ",").replace(" ", ",").split(",") if part)
    for written, meant in _TARGETS.items():
        if key == written:
            return meant
    return targets if key == text else tuple(key.split(","))


_FORMULA_GELUS = frozenset({"gelu_new", "gelu_fast", "quick_gelu"})
_OWN_MODELS = frozenset(
    {"", "litgpt", "nanogpt", "torchtune", "torchtitan", "megatron", "nemo", "gpt-neox", "llm-foundry"}
)
"""Programs with model code of their own, and none named."""


def fused_gelu(run: RunSpec, config: Mapping[str, Any]) -> bool:
    """Whether a GELU that Transformers writes out as a Python formula is taken as one kernel.

    The formula keeps five more tensors of the feed-forward's width. It is Transformers' alone: other programs that train the same models
    (LitGPT, nanoGPT, torchtune) call the kernel, and so is a run taken whose program isn't named and whose loop isn't described.
    https://github.com/huggingface/transformers/blob/main/src/transformers/activations.py (NewGELUActivation),
    https://github.com/Lightning-AI/litgpt/blob/main/litgpt/model.py (GptNeoxMLP)
    """
    described = not run.framework and ("loop" in run.words or "mask" in run.words)
    return run.framework in _OWN_MODELS and not described and architecture(config).text.act in _FORMULA_GELUS


def supported(run: RunSpec, config: Mapping[str, Any], quantised: str) -> bool:
    """Whether the recorder has the model's layers and the run's method."""
    inner = text_config(config)
    sized = inner.get("hidden_size") or inner.get("n_embd") or inner.get("d_model")
    if run.method not in _METHODS | _LIKE_LORA | ALGORITHMS or not sized:
        return False
    return architecture(config).family in FORWARD and (run.adapters or run.method in _LIKE_LORA or not quantised)


def own_loss(step: Step) -> bool:
    """Whether the program's loss is neither the usual one nor a fused one: Megatron's, LitGPT's slices, and those of policies."""
    return step.loss_bytes in (VOCAB_PARALLEL_LOSS, POLICY_LOSS, CHUNKED_LOSS)


def prepared(
    run: RunSpec, config: Mapping[str, Any], axes: Axes, quantised: str, sequences: float
) -> tuple[RunSpec, Architecture]:
    """The run as the recorder takes it: one device's tokens and layers, in the types that the program computes in."""
    sharded = axes.zero > 0 or axes.megatron
    one = run.changed(
        batch_size=max(1, round(run.batch_size * sequences)),
        seq_len=max(1, math.ceil(run.seq_len * activation_share(axes))),
        # Shards are 16 bits wide, and so is what a packed base leaves unquantised.
        precision=run.precision.removeprefix("amp-") if sharded or quantised else run.precision,
        quantization=quantised.removesuffix("-dq") if quantised in _BNB else "",
        lora_targets=targets_of(run.lora_targets),
    )
    if run.method in _LIKE_LORA:
        one = one.changed(method="lora", lora_rank=1, lora_targets=("v_proj",), lora_fp32=False)
    arch = architecture(_one_stage(config, axes))
    if fused_gelu(run, config):
        arch = architecture({**_one_stage(config, axes), "hidden_act": "gelu_pytorch_tanh"})
    if (
        ("loop" not in run.words or run.framework)
        and one.precision in ("bf16", "fp16")
        and not one.autocast
        and arch.family not in ("phi", "falcon")
    ):
        one = one.changed(autocast=one.precision)  # the Trainer's bf16 and fp16 flags
    if arch.family == "t5":
        # Its layers hand on two tensors, of which the reentrant kind of checkpoint would follow one; the other kind differs little.
        one = one.changed(checkpoint_reentrant=False)
    if sharded:
        one = one.changed(lora_fp32=False, kbit_prepare=False)
    if axes.megatron:
        # Its gradients lie in one fp32 buffer from the start, as those of an accumulating run do.
        one = one.changed(optimizer_impl="fused", grad_accum=max(2, run.grad_accum))
    return one, arch


def recorded_peak(
    run: RunSpec,
    config: Mapping[str, Any],
    parts: Parts,
    step: Step,
    axes: Axes,
    trained: float,
    quantised: str,
    sequences: float,
) -> Peak | None:
    """The peak of a recorded step on one device, None where nothing fits the run.

    Weights, gradients, optimizer states and its temporaries are the layout's shares of one device's; tokens and layers are divided by
    sequence, tensor and pipeline parallelism and by a device map; gathered layers and buckets come on top in every phase.
    """
    if not supported(run, config, quantised):
        return None
    one, arch = prepared(run, config, axes, quantised, sequences)
    if own_loss(step):  # the recording's chunked loss stands in for it
        one = one.changed(fused_ce=True)
    try:
        recording = record_run(one, arch)
    except (NotImplementedError, KeyError, ValueError, ZeroDivisionError):
        return None
    t = recording.totals
    if not t.trained_params or not t.weights:
        return None
    graded = max(0.0, parts.total - trained) if run.framework in FLAT_BLOCKS and not quantised else 0.0
    held = _held(config, arch.text.hidden, parts, step, axes, trained, graded)
    layout = _shares(
        held,
        t.weights,
        t.trained,
        step,
        axes,
        # Formats that the recorder doesn't pack; experts in one tensor, which it leaves as they are.
        bool(quantised) and (quantised not in ("nf4", "int8") or parts.experts > 0),
        _unusual(run.optimizer),
    )
    logits = step.loss_bytes * one.batch_size * one.seq_len * arch.text.vocab if own_loss(step) else 0.0
    found, _ = phases(one, recording, lengths(one, arch), layout, logits)
    extra = {"gathered": held.gathered, "buffers": held.buffers}
    on_top = sum(extra.values())
    moving = {name: total - found.parts.get("weights", 0.0) for name, total in found.peaks.items()}
    standing = t.weights * layout.weights + found.parts.get("optimizer", 0.0) + found.parts.get("gradients", 0.0)
    moving = {name: max(0.0, total - standing) for name, total in found.peaks.items() if name != "optimizer_step"}
    parts_found = dict(found.parts)
    peaks = {name: total + on_top for name, total in found.peaks.items()}
    if run.offload == "activations":
        moved = _moved(one, parts_found.get("activations", 0.0), arch.text.layers, arch.text.hidden, step.element)
        parts_found["activations"] = parts_found.get("activations", 0.0) - moved
        peaks = {name: total - (0.0 if name == "optimizer_step" else moved) for name, total in peaks.items()}
    if run.method == "adapter" and not run.gradient_checkpointing:
        before = parts_found.get("activations", 0.0) * min(1.0, PREFIX_START / max(1, arch.text.layers))
        parts_found["activations"] = parts_found.get("activations", 0.0) - before
        peaks = {name: total - (0.0 if name == "optimizer_step" else before) for name, total in peaks.items()}
    made = {name: count for name, count in {**parts_found, **extra}.items() if count > 0}
    return Peak(made, found.phase, {"load": held.weights, **peaks}, moving)


def _one_stage(config: Mapping[str, Any], axes: Axes) -> Mapping[str, Any]:
    """The configuration with the layers of one device, where layers are dealt out."""
    stages = axes.world if axes.device_map else 1
    if stages == 1:
        return config
    changed = dict(config)
    for name in ("num_hidden_layers", "n_layer", "num_layers"):
        if isinstance(changed.get(name), int):
            changed[name] = max(1, math.ceil(int(changed[name]) / stages))
    return changed


def _moved(run: RunSpec, activations: float, layers: int, hidden: int, element: float) -> float:
    """Activations that go to host memory: the checkpoints, e h a layer and token, or nine tenths of everything without them."""
    if not run.gradient_checkpointing:
        return 0.9 * activations
    return min(0.95 * activations, element * hidden * layers * run.batch_size * run.seq_len)


def _unusual(optimizer: str) -> bool:
    """Optimizers whose states the recorder doesn't know: projected, factored over ranks, in 4 bits or fp8."""
    return any(word in optimizer.lower() for word in ("galore", "apollo", "came", "4bit", "fp8", "muon"))


def _held(
    config: Mapping[str, Any], hidden: float, parts: Parts, step: Step, axes: Axes, trained: float, graded: float
) -> DeviceStates:
    text = text_config(config)
    layers = max(
        1.0, float(next((text[name] for name in ("num_hidden_layers", "n_layer", "num_layers") if text.get(name)), 32))
    )
    outside = parts.rest + parts.head
    weights = Weights(
        parts.total, trained, parts.experts, (parts.total - outside) / layers, outside, parts.head or parts.rest, graded
    )
    buckets = auto_buckets(hidden) if axes.zero == 3 else None
    size = Bytes(step.weight, step.trained, step.moments + step.master, step.step)
    return states_of(axes, weights, size, step.offload, step.accumulates, buckets)


def _shares(
    held: DeviceStates, weights: float, trained: float, step: Step, axes: Axes, packed: bool, unusual: bool
) -> Layout:
    """The layout's bytes over those of the recording; one device in formats that the recorder knows keeps its own figures."""
    if axes.world == 1 and axes.zero == 0 and not packed:
        none = step.offload in ("optimizer", "both", "optimizer+grads")
        small = step.moments / (2.0 * step.trained) if unusual and step.trained else 1.0
        return Layout(optimizer=0.0 if none else small)
    if axes.device_map and not packed:
        return Layout()
    states = 2.0 * trained or 1.0
    return Layout(
        weights=held.weights / weights,
        gradients=held.gradients / trained if trained else 1.0,
        optimizer=held.optimizer / states if not packed or axes.world > 1 else 1.0,
        step=held.step if axes.zero else None,
    )
