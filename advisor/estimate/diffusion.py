"""Memory of diffusion models: training and generation of UNets, image and video transformers, with text encoders and autoencoder."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from advisor.estimate import interval
from advisor.estimate.diffusion_arch import DiffusionModel, Shape
from advisor.estimate.footprint import Footprint
from advisor.estimate.weight_formats import WeightFormat

LOKR_SHARE = 0.13
"""Weights of full-matrix LoKr adapters as a share of the model's: 1 / factor**2 of each layer, with LyCORIS' usual factors of 2 for
attention and 4 for feed-forwards (https://github.com/KohakuBlueleaf/LyCORIS/blob/main/docs/Algo-Details.md)."""

FP8_DYNAMIC_BYTES = 5.0
"""What a dynamically quantised fp8 linear layer keeps of each input element: its 16-bit, fp8 and scale-expanded forms
(torchao float8 training path, traced on linear layers)."""


class TrainingRun(Struct, frozen=True):
    """How a diffusion model is trained.

    Attributes:
        adapters: lora, lokr, or empty for full training. rank: of LoRA.
        weight_bytes: of base weights that are not quantised. trained_bytes: of trained weights and gradients.
        state_bytes: optimizer bytes of each trained weight.
        keeps_dequantised: frozen quantised weights are unpacked by autograd-visible code, which keeps the copies.
        dynamic_inputs: activations are quantised on the fly as well.
        text_encoders: they stay on the card. autoencoder: it does, too, and encodes each batch.
        offload: activations, params, optimizer, both or none. shards: devices that the base weights are divided over.
        partly: the program may checkpoint a part of the blocks only.
    """

    batch: int
    shape: Shape
    adapters: str
    rank: int
    checkpointed: bool
    weight_bytes: float = 2.0
    trained_bytes: float = 4.0
    state_bytes: float = 8.0
    quantised: WeightFormat | None = None
    keeps_dequantised: bool = False
    dynamic_inputs: bool = False
    text_encoders: bool = False
    autoencoder: bool = False
    offload: str = "none"
    shards: int = 1
    partly: bool = True


def lora_weights(model: DiffusionModel, rank: int) -> float:
    """Weights of adapters on the query, key, value and output projections: 2 * rank * h each, eight of them with cross-attention."""
    if model.unet is not None:
        return rank * model.unet.lora
    return sum(count * (4 if block.joint else 8) * 2.0 * rank * model.hidden for block, count in model.blocks)


UNET_BLOCKS = 20
"""Blocks of a UNet on its way down, through its middle, and up: 25 of Stable Diffusion 1.5, 19 of XL
(https://github.com/huggingface/diffusers/blob/main/src/diffusers/models/unets/unet_2d_condition.py)."""


def blocks_of(model: DiffusionModel) -> int:
    """Into how many parts a model falls that are gathered or moved one after the other."""
    return sum(count for _, count in model.blocks) or UNET_BLOCKS


def trained_weights(model: DiffusionModel, run: TrainingRun) -> float:
    """How many weights are trained."""
    if run.adapters == "lora":
        return lora_weights(model, run.rank)
    return model.params * (LOKR_SHARE if run.adapters == "lokr" else 1.0)


class Activations(Struct, frozen=True):
    """Bytes kept through the forward pass, bytes recomputed and needed for one block's backward."""

    kept: float
    block: float


def _unit(model: DiffusionModel, run: TrainingRun, joint: bool) -> float:
    """One hidden vector of 16 bits for all tokens: 2 * batch * tokens * h."""
    tokens = model.tokens(run.shape) + (model.text_tokens if joint else 0)
    return 2.0 * run.batch * tokens * model.hidden


def block_bytes(model: DiffusionModel, run: TrainingRun, index: int) -> float:
    """What one block of the `index`-th kind keeps: kept * unit, and what the quantised weights and adapters add to it."""
    block, _ = model.blocks[index]
    unit = _unit(model, run, block.joint)
    kept = block.kept(not run.adapters) * unit
    if run.adapters == "lokr":
        kept = (block.kept_full + 2 * block.out) * unit
    if run.dynamic_inputs:
        kept += block.linear_in * unit / 2 * FP8_DYNAMIC_BYTES
    if run.keeps_dequantised:
        kept += 2.0 * model.params / blocks_of(model)
    if run.offload == "params":
        kept += (block.kept_full - block.kept_lora) * 0.7 * unit
    return kept


def activations(model: DiffusionModel, run: TrainingRun) -> Activations:
    """Activations of a training step.

    without checkpoints: sum(count * kept_block) + stem, and the last block's backward
    with checkpoints:    sum(count * unit) + stem + the largest (kept_block + backward_block)
    UNets: elements per latent position, from the same traces.
    """
    if model.unet is not None:
        positions = 2.0 * run.batch * model.latents(run.shape)
        if run.checkpointed:
            return Activations(model.unet.checkpointed * positions, model.unet.recompute * positions)
        lokr = 1.35 if run.adapters == "lokr" else 1.0
        kept = (model.unet.kept_full if run.adapters != "lora" else model.unet.kept_lora) * positions * lokr
        if run.dynamic_inputs:
            kept += model.unet.linear_in * positions / 2 * FP8_DYNAMIC_BYTES
        if run.keeps_dequantised:
            kept += 2.0 * model.params * model.unet.linear
        return Activations(kept, 0.0)
    kept, largest = 0.0, 0.0
    for index, (block, count) in enumerate(model.blocks):
        unit = _unit(model, run, block.joint)
        one = block_bytes(model, run, index)
        backward = block.backward(not run.adapters) * unit
        if run.checkpointed:
            kept += 0.0 if run.offload == "activations" else count * unit
            largest = max(largest, one + backward)
        else:
            kept += count * one
            largest = max(largest, backward)
    if (
        not run.checkpointed and run.offload == "params"
    ):  # weights that stream in are quantised and freed layer by layer
        streaming = replace(run, dynamic_inputs=False, keeps_dequantised=False)
        kept = sum(count * block_bytes(model, streaming, index) for index, (_, count) in enumerate(model.blocks))
    first, unit = model.blocks[0][0], _unit(model, run, model.blocks[0][0].joint)
    kept += model.stem * unit + model.refiners * block_bytes(model, run, 0) * (1.0 if first.joint else 0.0)
    return Activations(kept, largest)


UNCHECKED = 0.5
"""Share of the blocks that may keep everything although checkpoints are on."""


def _widen(made: Footprint, model: DiffusionModel, run: TrainingRun, acts: Activations) -> None:
    """What the words leave open: checkpoints over a part of the blocks only, clips smaller than the size stated, and the size of LoKr
    adapters, whose factors run from 2 to 25 and whose layers from attention to all, so that they may be next to nothing.

    Some trainers checkpoint every second block, or segments with gaps: up to half of the blocks may keep everything
    (https://github.com/bghira/SimpleTuner/blob/main/documentation/experimental/SEGMENTED_CHECKPOINTING.md). Videos train in buckets of a
    pixel area, which may hold half of the size that a run is named by.
    """
    if run.checkpointed and run.partly and model.unet is None:
        open_run = replace(run, checkpointed=False, offload="none" if run.offload == "activations" else run.offload)
        made.highest = made.allocated + UNCHECKED * max(0.0, activations(model, open_run).kept - acts.kept)
    if run.shape.frames > 1:
        made.lowest = made.allocated - 0.5 * made.parts.get("activations", 0.0)
    if run.adapters == "lokr":
        fewest = activations(model, replace(run, adapters="lora"))
        states = sum(made.parts.get(name, 0.0) for name in ("adapters", "optimizer", "gradients"))
        bypassed = max(0.0, acts.kept + acts.block - fewest.kept - fewest.block) if "activations" in made.parts else 0.0
        made.lowest = (made.lowest or made.allocated) - states - bypassed


def training(model: DiffusionModel, run: TrainingRun) -> Footprint:
    """One device's peak of a training step, at the backward pass or in the optimizer step."""
    made = Footprint(phase="backward", doubts=interval.causes("blocks"))
    if run.dynamic_inputs or run.quantised is not None:
        made.doubts |= interval.causes("converted_inputs")
    if run.adapters == "lokr":
        made.doubts |= interval.causes("bypass_adapters")
    trained = trained_weights(model, run)
    per_weight = run.quantised.bytes_per_weight if run.quantised else run.weight_bytes
    if run.quantised and model.unet is not None:  # quantisers take linear layers, convolutions stay as they are
        per_weight = model.unet.linear * per_weight + (1.0 - model.unet.linear) * run.weight_bytes
    base = model.params * (per_weight if run.adapters else run.trained_bytes)
    resident = base
    if run.offload in ("params", "both"):
        resident = base * min(1.0, 3.0 / blocks_of(model)) if run.shards == 1 else 0.0  # shards: as gathered, below
        made.add("weights", resident, "3 layers' weights on the card, the rest in host memory", params=model.params)
    else:
        resident = base / run.shards
        made.add("weights", resident, "bytes per weight * params / shards", params=model.params, bytes=per_weight)
    if run.shards > 1:
        made.add("gathered", 2.0 * 2.0 * model.params / blocks_of(model), "2 blocks' weights, gathered in 16 bits")
    if run.adapters:
        made.add("adapters", trained * run.trained_bytes, "trained weights * their bytes", trained=trained)
    gradients = trained * run.trained_bytes / run.shards
    states = 0.0 if run.offload in ("optimizer", "both") else trained * run.state_bytes
    if run.text_encoders:
        made.add("text_encoder", 2.0 * model.text_params, "2 bytes * text encoder params", params=model.text_params)
    if run.autoencoder:
        made.add("autoencoder", 2.0 * model.vae.params, "2 bytes * autoencoder params", params=model.vae.params)
    acts = activations(model, run)
    made.add("optimizer", states, "state bytes * trained weights", trained=trained, bytes=run.state_bytes)
    backward_only = acts.kept + acts.block
    if gradients > backward_only:
        made.phase = "optimizer_step"
        made.add("gradients", gradients, "gradient bytes * trained weights", trained=trained)
    else:
        made.add(
            "gradients",
            gradients * (0.5 if run.checkpointed else 0.0),
            "half of them exist at the peak",
            trained=trained,
        )
        made.add(
            "activations", backward_only, "kept vectors a token * 2 * batch * tokens * h, and one block's backward",
            batch=run.batch, tokens=model.tokens(run.shape), hidden=model.hidden,
        )  # fmt: skip
    made.add("workspace", 24 * 2**20, "cuBLAS workspaces")
    _widen(made, model, run, acts)
    static = made.allocated - made.parts.get("activations", 0.0) - made.parts.get("gradients", 0.0)
    in_backward = static + backward_only + (gradients * 0.5 if run.checkpointed else 0.0)
    made.phases = {"load": resident, "backward": in_backward, "optimizer_step": static + gradients}
    return made


class GenerationRun(Struct, frozen=True):
    """How images or videos are made: `guided` runs two prompts at once; `offload`: only the part at work is on the card."""

    batch: int
    shape: Shape
    weight_bytes: float = 2.0
    quantised: WeightFormat | None = None
    guided: bool = True
    offload: str = "none"
    tiled_vae: bool = False


def generation(model: DiffusionModel, run: GenerationRun) -> Footprint:
    """One device's peak: all parts resident and the larger of a denoising step and the decoding of the latents."""
    per_weight = run.quantised.bytes_per_weight if run.quantised else run.weight_bytes
    share = model.unet.linear if model.unet is not None else 1.0
    denoiser = (share * per_weight + (1.0 - share) * run.weight_bytes) * model.params
    text = per_weight * (model.text_params - model.text_embeddings) + run.weight_bytes * model.text_embeddings
    vae = 2.0 * model.vae.params
    rows = run.batch * (2 if run.guided else 1)
    if model.unet is not None:
        step = model.unet.infer * 2.0 * rows * model.latents(run.shape)
    else:
        step = max(
            block.infer
            * 2.0
            * rows
            * (model.tokens(run.shape) + (model.text_tokens if block.joint else 0))
            * model.hidden
            for block, _ in model.blocks
        )
    pixels = run.batch * run.shape.pixels * model.vae.frames(run.shape.frames)
    decode = model.vae.per_pixel(run.shape.frames) * 2.0 * pixels * (0.15 if run.tiled_vae else 1.0)
    made = Footprint(doubts=interval.causes("blocks"))
    if run.offload in ("params", "both", "cpu", "sequential"):
        peaks = {"text": text, "denoise": denoiser + step, "decode": vae + decode}
        made.phase = max(peaks, key=lambda name: peaks[name])
        kept = {"text": text, "denoise": denoiser, "decode": vae}[made.phase]
        made.add("weights", kept, "the part at work", part=made.phase)
        made.add("activations", peaks[made.phase] - kept, "its activations")
    else:
        held = denoiser + text + vae
        peaks = {"load": held, "denoise": held + step, "decode": held + decode}
        made.phase = "decode" if decode > step else "denoise"
        made.add("weights", denoiser, "bytes per weight * params", params=model.params, bytes=per_weight)
        made.add(
            "text_encoder",
            text,
            "bytes per weight * params, embeddings in the run's precision",
            params=model.text_params,
        )
        made.add("autoencoder", vae, "2 bytes * autoencoder params", params=model.vae.params)
        made.add("activations", max(step, decode), "a denoising step, or 2 bytes * elements a pixel * pixels of the decoder",
                 width=run.shape.width, height=run.shape.height, frames=run.shape.frames)  # fmt: skip
    made.phases = peaks
    return made
