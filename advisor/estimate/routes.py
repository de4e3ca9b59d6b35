"""Which formulas a run needs (diffusion, convolutions, inference, training in closed form), and the Estimate they make."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from advisor.errors import TooLittleKnown
from advisor.estimate import closed_form, explain, interval, pictures, process, rl, serving
from advisor.estimate.architecture import architecture
from advisor.estimate.catalogue import find_model, size_of_name
from advisor.estimate.decoder import Parts, config_of_size
from advisor.estimate.footprint import Footprint
from advisor.estimate.kv_cache import cache_bytes
from advisor.estimate.parallel import FLAT_STEP, NCCL_BYTES, Axes, axes_of
from advisor.estimate.recorded import fused_gelu, recorded_peak
from advisor.estimate.recording import own_code
from advisor.estimate.result import Estimate
from advisor.estimate.spec import ALGORITHMS, LOW_RANK, RunSpec, run_spec
from advisor.estimate.towers import (
    ADDED,
    adapter_inputs,
    adapter_weights,
    int_of,
    saved_modules,
    seen,
    towers_of,
    trained_weights,
)
from advisor.estimate.weight_formats import PLAIN_BYTES, WeightFormat, format_of, stored_weights
from advisor.library import Library
from advisor.names import resolve_gpu
from advisor.records import Gpu, Model
from advisor.units import GIB

_LOW_RANK = frozenset(
    {"adalora", "longlora", "lora-fa", "lorafa", "melora", "delora", "randlora", "hira", "waveft", "fourierft", "shira"}
)
"""Methods with the memory of LoRA."""
_OF_TRAINING = ("batch_size", "seq_len", "grad_accum", "gradient_checkpointing", "optimizer", "method", "quantization")
"""Defaults of a trainer that don't hold for an inference with it."""
_FROZEN_IN_16_BITS = frozenset({"openpi"})
"""Trainers in fp32 that convert what is frozen (https://github.com/Physical-Intelligence/openpi/blob/main/scripts/train.py)."""
_WIDTHS = ("hidden_size", "n_embd", "d_model", "dim", "model_dim", "hidden_dim")
_CONV_KINDS = ("resnet", "xception", "vgg", "densenet", "mobilenet", "efficientnet", "inception", "convnext", "regnet", "yolo", "swin",
               "retinanet", "faster", "mask_rcnn", "unet", "hrnet")  # fmt: skip

_CONV_FAMILIES = ("swin", "convnext", "resnet", "regnet", "efficientnet", "mobilenet")
"""model_types of networks in stages, whatever else their configurations call layers and heads."""


def defaults_of(framework: str, library: Library) -> dict[str, Any]:
    """What holds in a framework where a word is absent: its family's defaults under its own."""
    taken: dict[str, Any] = {}
    for name in reversed(library.lineage(framework)) if framework else ():
        known = library.frameworks.get(name)
        if known is not None:
            taken |= {
                key: value
                for key, value in known.defaults.items()
                if isinstance(value, str | int | float | bool | list)
            }
    return taken


def estimate(spec: Mapping[str, Any], library: Library) -> Estimate:
    """The memory that one device needs for the run that `spec` describes, in the contract's words.

    Raises:
        TooLittleKnown: neither a known model, nor an architecture, nor a number of weights is given.
    """
    run = run_of(spec, library)
    made, card = footprint_of(run, library)
    return finish(made, run, card)


def run_of(spec: Mapping[str, Any], library: Library) -> RunSpec:
    """The run that `spec` describes, with its framework's defaults."""
    framework = str(spec.get("framework") or "")
    defaults = defaults_of(framework, library)
    if framework not in serving.SERVERS:
        # A trainer's default share only counts once its server is colocated, which must be stated.
        defaults.pop("gpu_memory_utilization", None)
    if spec.get("task") == "inference":
        for word in _OF_TRAINING:
            defaults.pop(word, None)
    if framework not in rl.PROJECTS:
        # Trainers of many kinds have a default for their RL trainer as well; that it runs must be stated.
        defaults.pop("num_generations", None)
    method = str(spec.get("method") or "").lower()
    if method and method not in ALGORITHMS and method not in LOW_RANK | _LOW_RANK:
        # Unsloth: "full finetuning ... but 4bit / 8bit is enabled - disabling LoRA / QLoRA", the weights stay in 16 bits.
        defaults.pop("quantization", None)
    run = run_spec(spec, defaults)
    return run.changed(method="lora") if run.method in _LOW_RANK else run


def card_of(run: RunSpec, library: Library) -> Gpu | None:
    """The card that the run names, by the size stated where a card has several."""
    if not run.gpu_name:
        return None
    found = resolve_gpu(run.gpu_name, library)
    name = getattr(found, "name", found)
    return library.gpus.get(str(name)) if name else None


def _capacity(run: RunSpec, card: Gpu | None) -> float | None:
    stated = run.words.get("gpu_capacity_gib")
    if isinstance(stated, int | float) and stated:
        return float(stated)
    if card is not None:
        return card.usable_gib
    return run.gpu_memory_gib or None


def is_diffusion(run: RunSpec, model: Model | None, config: Mapping[str, Any]) -> bool:
    kind = run.model_kind or (model.kind if model else "")
    return kind == "diffusion" or "transformer" in config or "unet" in config


def is_convolutional(run: RunSpec, model: Model | None, config: Mapping[str, Any]) -> bool:
    kind = run.model_kind or (model.kind if model else "")
    name = f"{run.model} {config.get('model_type', '')}".lower()
    family = str(config.get("model_type", ""))
    transformer = (
        "num_hidden_layers" in config and "num_attention_heads" in config and not family.startswith(_CONV_FAMILIES)
    )
    return (
        kind == "vision"
        and not transformer
        and (any(word in name for word in _CONV_KINDS) or "vision_config" not in config)
    )


def described(run: RunSpec, library: Library) -> tuple[Model | None, dict[str, Any], float]:
    """The catalogue's model, the architecture in Hugging Face terms, and the weights in billions, as far as they are known.

    An architecture that was handed in is the whole of it; a few of its keys adjust the catalogue's.
    """
    model = find_model(run.words, library)
    stated = run.arch if run.model_kind != "diffusion" else {}
    sized = "model_type" in stated and "hidden_size" in stated
    config: dict[str, Any] = {**run.arch} if sized else {**(model.config if model else {}), **run.arch}
    named = model.params_b if model else 0.0 if config else size_of_name(run.hf_id or run.model)
    return model, config, run.params_b or named


def footprint_of(run: RunSpec, library: Library) -> tuple[Footprint, Gpu | None]:
    """The footprint of a run on one device, and its card.

    Raises:
        TooLittleKnown: neither a model that the catalogue knows, nor an architecture, nor a size.
    """
    model, config, params_b = described(run, library)
    card = card_of(run, library)
    assumed: dict[str, Any] = {}
    if not config and not params_b:
        raise TooLittleKnown(["model", "params_b"], run.hf_id or run.model)
    if model is None and not config and not run.params_b:
        assumed["params_b"] = params_b
    if is_diffusion(run, model, config):
        return pictures.diffusion_footprint(run, model.name if model else run.model, params_b, config, library), card
    if is_convolutional(run, model, config):
        return pictures.convolutional_footprint(run, model, params_b, library), card
    if not int_of(config, *_WIDTHS) and not any(isinstance(part, Mapping) for part in config.values()):
        config |= config_of_size(params_b)
        assumed["arch"] = f"a decoder of {params_b:g}B weights"
    capacity = _capacity(run, card)
    if run.task == "inference":
        axes = axes_of(run.parallelism, run.gpu_count, run.zero_stage, run.fsdp)
        parts = axes.tp * axes.pp if not axes.device_map else max(1, axes.world)
        fmt = format_of(run, library)
        room = capacity * GIB if capacity else None
        kind = run.model_kind or (model.kind if model else "")
        made = serving.serve(run, config, params_b, fmt, room, card.arch if card else "", 1.0 / parts, kind)
    else:
        made = _training(run, model, config, params_b, library, card)
    made.assumed |= assumed
    made.doubts |= interval.causes("size_alone") if "arch" in assumed else {}
    return made, card


def _training(
    run: RunSpec, model: Model | None, config: Mapping[str, Any], params_b: float, library: Library, card: Gpu | None
) -> Footprint:
    kind = run.model_kind or (model.kind if model else "")
    chain, decoder, parts, length = towers_of(run, config, params_b, kind)
    if not decoder.gated and params_b:  # told by the count of weights where the family isn't known
        config = {"gated_mlp": False, **config}
    fmt = format_of(run, library)
    axes = axes_of(run.parallelism, run.gpu_count, run.zero_stage, run.fsdp)
    plan = plan_of(run)
    trained = run.trainable_params or trained_weights(chain) + adapter_weights(run, chain)
    step = _step(run, fmt, parts, trained, axes, plan.sequences, decoder.gated)
    one = seen(run.changed(seq_len=length), config)
    peak_formula = None
    if plan.name in ("rm", "reward"):  # one score a sequence instead of logits
        step, peak = replace(step, loss_bytes=0.0), None
    else:
        peak = recorded_peak(one, config, parts, step, axes, trained, fmt.name if fmt else "", plan.sequences)
        if peak is not None and not run.framework and fused_gelu(one, config):  # in Transformers it would be a formula
            there = one.changed(framework="transformers")
            peak_formula = recorded_peak(
                there, config, parts, step, axes, trained, fmt.name if fmt else "", plan.sequences
            )
    doubts = interval.of_training(
        run, peak is not None, axes.zero > 0 or axes.fsdp or axes.megatron, own_code(architecture(config))
    )
    peak = peak or closed_form.training_peak(chain, decoder.vocab, parts, step, axes)
    made = Footprint(
        dict(peak.parts), phase=peak.phase, phases=dict(peak.phases), doubts=doubts, moving=dict(peak.moving)
    )
    sizes = explain.Sizes(parts.total, trained, decoder.layers, decoder.vocab)
    made.formulas |= explain.formulas(one, made.parts, sizes)
    divided = axes.model_parallel * (axes.shards if axes.zero == 3 or axes.fsdp else 1)
    made.add(
        "reference_models",
        plan.frozen_models * step.weight * parts.total / divided,
        "weights of the models that only run forward",
    )
    saved = saved_modules(run, decoder)
    made.add(
        "saved_modules",
        6.0 * run.weight_bytes * saved,
        "copy, gradient, moments and temporaries of whole modules",
        params=saved,
    )
    value = plan.trained_models * trained * (step.weight + step.trained + step.moments + step.master) / divided
    made.add("value_model", value, "weights, gradients and states of the value model")
    capacity = _capacity(run, card)
    if plan.rollout_share and capacity:
        made.outside += plan.rollout_share * capacity * GIB
    if plan.generates:
        cached = cache_bytes(decoder.cache, length, step.batch, 2.0)
        made.phases["generate"] = peak.phases["load"] + made.parts.get("optimizer", 0.0) + cached
    made.add("workspace", process.cublas_bytes(card.arch if card else "") * 2)
    if kind in ("vision", "speech") or architecture(config).family in ("vit", "clip"):
        made.unused = ("seq_len",)
    elif kind in ("vlm", "vla"):
        made.own_doubts["seq_len"] = interval.SURER["seq_len"]
    if kind in ("vision", "speech", "encoder", "seq2seq"):
        made.unused = (*made.unused, "method")  # few train adapters of these
        made.own_doubts["gradient_checkpointing"] = interval.SURER["gradient_checkpointing"]
    if "seq_len" not in made.unused and length != run.seq_len:
        made.assumed["seq_len"] = length
    if peak_formula is not None:
        made.highest = made.allocated + max(0.0, sum(peak_formula.parts.values()) - sum(peak.parts.values()))
    if axes.fsdp and run.adapters and run.grad_accum > 1 and not run.framework and fmt is None:
        # Which way of wrapping holds isn't told: the upper end has whole gradients of frozen weights too (parallel.FLAT_BLOCKS).
        made.highest = made.allocated + step.weight * parts.total
    if axes.world > 1:
        made.outside += NCCL_BYTES * (1 + (axes.tp > 1) + (axes.ep > 1) + (axes.pp > 1))
    grows = process.expandable(run.framework, run.gpu_count)
    if axes.megatron:
        made.cached = process.CACHED_MEGATRON
    elif axes.zero == 3 or axes.fsdp:
        made.cached = process.CACHED_EXPANDABLE if grows else process.CACHED_SHARDED
    else:
        made.flat_step = axes.zero > 0 and run.offload == "none"
        texts = kind in ("llm", "seq2seq", "")
        made.varying = process.varying_share(run.gradient_checkpointing, texts and "mask" not in run.words)
        made.varying = process.CACHED_EXPANDABLE if grows else made.varying
    return made


def plan_of(run: RunSpec) -> rl.RlPlan:
    """What the run's algorithm adds; a share of the card stated beside a sampling algorithm is a colocated server's."""
    algorithm = rl.algorithm_of(run.method, run.model, run.words)
    share = run.words.get("gpu_memory_utilization")
    fraction = float(share) if isinstance(share, int | float) else 0.0
    generations = int(run.words.get("num_generations") or 1)
    return rl.rl_plan(
        algorithm, run.framework, run.adapters, generations, run.batch_size,
        beta_zero=rl.without_kl(run.framework, str(run.words.get("framework_version", ""))), utilization=fraction,
        colocated=rl.samples(algorithm) and fraction > 0,
    )  # fmt: skip


def _base_bytes(run: RunSpec, fmt: WeightFormat, parts: Parts) -> float:
    """Bytes of a weight of a quantised base on average; PEFT's preparation keeps in fp32 what is not quantised."""
    prepared = (
        run.kbit_prepare and fmt.name in ("nf4", "nf4-dq", "int8") and run.parallelism in ("none", "ddp", "device_map")
    )
    stored = stored_weights(parts.linear, parts.head, parts.rest, 4.0 if prepared else 2.0, fmt)
    return stored.total / parts.total if parts.total else fmt.bytes_per_weight


def _step(
    run: RunSpec, fmt: WeightFormat | None, parts: Parts, trained: float, axes: Axes, sequences: float, gated: bool
) -> closed_form.Step:
    amp = run.precision.startswith("amp")
    sharded = axes.zero > 0 or axes.megatron
    adapters = run.adapters or fmt is not None or run.method in ADDED
    base = 2.0 if run.adapters and run.framework in _FROZEN_IN_16_BITS else PLAIN_BYTES.get(run.precision, 2.0)
    weight = _base_bytes(run, fmt, parts) if fmt is not None else 2.0 if sharded and base == 4.0 else base
    trained_bytes = 4.0 if (adapters and run.lora_fp32 and not sharded) or axes.megatron else 2.0 if sharded else base
    master = 4.0 if sharded else 0.0
    moments = closed_form.moment_bytes(run.optimizer, 4.0 if sharded else trained_bytes)
    loss = (
        closed_form.VOCAB_PARALLEL_LOSS
        if axes.megatron
        else 1.5
        if run.fused_ce
        else closed_form.CHUNKED_LOSS
        if run.framework == "litgpt" and run.precision in ("bf16", "fp16")
        else rl.loss_bytes(rl.algorithm_of(run.method, run.model, run.words), closed_form.LOSS)
    )
    return closed_form.Step(
        batch=run.batch_size * sequences, element=4.0 if run.precision == "fp32" else 2.0, weight=weight, trained=trained_bytes,
        moments=moments, master=master, step=FLAT_STEP if axes.zero else trained_bytes, trained_weights=trained,
        checkpointed=run.gradient_checkpointing, eager=run.attention == "eager", autocast=amp, quantised=fmt is not None,
        offload=run.offload, accumulates=run.grad_accum > 1 or axes.megatron, loss_bytes=loss,
        vocab_split=axes.megatron, scales_outputs=run.method in ("adapter_v2", "ia3"), adapter_inputs=adapter_inputs(run, gated),
    )  # fmt: skip


def finish(made: Footprint, run: RunSpec, card: Gpu | None) -> Estimate:
    """The estimate: allocated as the parts sum up, reserved with the allocator's cache, the process with its context and libraries."""
    allocated = made.allocated
    cached = process.CACHED_INFERENCE if made.cached is None and run.task == "inference" else made.cached
    if cached is None:
        phases = made.phases or {made.phase: allocated}
        moving = made.moving or {name: made.parts.get("activations", 0.0) for name in phases}
        floor = process.reserved_bytes(allocated, process.CACHED_STATIC)
        reserved = max(process.reserved_of(phases, moving, made.varying, made.flat_step), floor)
        least = max(process.reserved_of(phases, moving, min(made.varying, process.CACHED_WHEN_FULL)), floor)
    else:
        reserved = process.reserved_bytes(allocated, cached)
        least = process.reserved_bytes(allocated, min(cached, process.CACHED_WHEN_FULL))
    capacity = _capacity(run, card)
    beside = made.outside + process.context_bytes(card.arch if card else "", run.framework)
    if capacity:  # a full card makes the allocator give its cache back and try again before it fails
        reserved = min(reserved, max(capacity * GIB - beside, least))
    held = reserved + beside if made.held is None else made.held
    assumed = {**{word: value for word, value in run.assumed.items() if word not in made.unused}, **made.assumed}
    doubts = {**made.doubts, **interval.of_sizes(run, assumed, made.parts, made.own_doubts)}
    width = interval.factor(doubts)
    most = max(made.highest or allocated, interval.grown(assumed, made.phases, made.moving, made.own_doubts))
    return Estimate(
        allocated_gib=allocated / GIB,
        reserved_gib=reserved / GIB,
        process_gib=held / GIB,
        low_gib=min(allocated, made.lowest or allocated) / width / GIB,
        # What the words leave open is an end already: half of the other doubts go with it.
        high_gib=min(max(allocated * width, most * math.sqrt(width)), made.ceiling or math.inf) / GIB,
        capacity_gib=capacity,
        fits=None if capacity is None else held / GIB <= capacity,
        assumed=assumed,
        components=made.components(),
        phase=made.phase,
        phases={name: count / GIB for name, count in made.phases.items()},
        warnings=(*run.warnings, *made.warnings),
        doubts=doubts,
    )
