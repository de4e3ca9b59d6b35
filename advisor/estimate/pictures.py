"""Runs over pictures and videos, as footprints: diffusion models and convolutional networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import re2

from advisor.estimate import closed_form, diffusion, interval, vision
from advisor.estimate.diffusion_arch import diffusion_model, shape_of
from advisor.estimate.footprint import Footprint
from advisor.estimate.image_tokens import parse_size
from advisor.estimate.parallel import axes_of
from advisor.estimate.spec import RunSpec
from advisor.estimate.weight_formats import PLAIN_BYTES, WeightFormat, format_of
from advisor.library import Library
from advisor.records import Model

_MIXED = frozenset({"diffusers", "kohya"})
"""Trainers of diffusion models whose 16-bit precision is autocast over fp32 weights
(https://github.com/huggingface/diffusers/blob/main/examples/text_to_image/train_text_to_image.py, mixed_precision)."""

_PARTLY_CHECKED = frozenset({"", "simpletuner"})
"""Programs that can checkpoint a part of the blocks
(https://github.com/bghira/SimpleTuner/blob/main/documentation/experimental/SEGMENTED_CHECKPOINTING.md), and none named."""
_OF_IMAGES = r"\b(?:text2image|text-to-image|t2i|[\w.]+ image)\b"
"""Names of a family's members that make pictures where others make videos."""


def diffusion_footprint(
    run: RunSpec, name: str, params_b: float, config: Mapping[str, Any], library: Library
) -> Footprint:
    """Training or generation of a diffusion model."""
    model = diffusion_model(name, params_b, config, library.settings["diffusion_blocks"])
    words = str(run.words.get("image_resolution") or run.words.get("image") or "")
    own_frames = None if re2.search(_OF_IMAGES, f"{run.model} {run.hf_id}".lower()) else config.get("num_frames")
    shape, stated = shape_of(words, config.get("image_size"), run.words.get("num_frames") or own_frames)
    fmt = format_of(run, library)
    if run.task == "inference":
        offload = run.offload if run.offload != "none" else str(run.words.get("cpu_offload") or "none")
        element = PLAIN_BYTES.get(run.precision, 2.0)
        made = diffusion.generation(
            model, diffusion.GenerationRun(run.batch_size, shape, element, fmt, offload=offload)
        )
    else:
        made = diffusion.training(model, _diffusion_run(run, shape, fmt))
    if not stated:
        made.assumed["image_resolution"] = f"{shape.width}x{shape.height}" + (
            f", {shape.frames} frames" if shape.frames > 1 else ""
        )
    made.unused = ("seq_len",)
    if not model.known:
        made.doubts |= interval.causes("unknown_architecture")
        made.warnings.append("the architecture of this model is not known; one of the usual width was taken")
    return made


def _diffusion_run(run: RunSpec, shape: Any, fmt: WeightFormat | None) -> diffusion.TrainingRun:
    method = run.method
    adapters = (
        "lokr"
        if method in ("lokr", "loha", "lycoris")
        else "lora"
        if run.adapters or method in ("dreambooth_lora", "locon")
        else ""
    )
    narrow = run.optimizer.lower().endswith(("bf16", "fp16"))
    mixed = "precision" in run.assumed or run.framework in _MIXED
    trained_bytes = 2.0 if narrow or (not adapters and not mixed and run.precision in ("bf16", "fp16")) else 4.0
    moments = closed_form.moment_bytes(run.optimizer, trained_bytes) + (2.0 if narrow else 0.0)
    name = str(run.quantization)
    axes = axes_of(run.parallelism, run.gpu_count, run.zero_stage, run.fsdp)
    shards = axes.shards if axes.zero >= 1 or axes.fsdp else 1
    return diffusion.TrainingRun(
        batch=run.batch_size, shape=shape, adapters=adapters, rank=run.lora_rank, checkpointed=run.gradient_checkpointing,
        weight_bytes=2.0 if adapters else trained_bytes, trained_bytes=trained_bytes, state_bytes=moments / shards, quantised=fmt,
        keeps_dequantised=name.startswith("fp8"), dynamic_inputs=name.startswith(("fp8-torchao", "fp8dq")), offload=run.offload,
        shards=axes.shards if axes.zero == 3 or axes.fsdp else 1, partly=run.framework in _PARTLY_CHECKED,
    )  # fmt: skip


def convolutional_footprint(run: RunSpec, model: Model | None, params_b: float, library: Library) -> Footprint:
    """Training or inference of a convolutional network."""
    net = vision.conv_net(run.model or (model.name if model else ""), params_b, library.settings.get("convnets", {}))
    size = parse_size(str(run.words.get("image_resolution") or run.words.get("image") or ""))
    # Networks of volumes: as many pictures as the usual patch is deep.
    depth = int(model.config.get("depth") or 1) if model is not None else 1
    side = int(model.config.get("image_size") or 224) if model is not None and depth > 1 else 224
    wide, tall = size or (side, side)
    tall *= depth
    # Under autocast convolutions put out 16 bits, and norms and activations go on in the type that they get.
    element = 4.0 if run.precision in ("fp32", "tf32") else 2.0
    if run.task == "inference":
        made = vision.inference(net, run.batch_size, wide, tall, element)
    else:
        # A program's 16 bits are autocast over fp32 weights.
        weight = 4.0 if run.framework else float(run.weight_bytes)
        states = closed_form.moment_bytes(run.optimizer, weight)
        made = vision.training(
            net, run.batch_size, wide, tall, element, states, weight, run.precision.startswith("amp")
        )
    made.unused = ("seq_len", "gradient_checkpointing", "method")
    made.own_doubts["image_resolution"] = interval.SURER["image_resolution"]
    if size is None:
        made.assumed["image_resolution"] = "x".join([str(side), str(side), *([str(depth)] if depth > 1 else [])])
    return made
