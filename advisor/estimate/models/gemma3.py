"""Gemma 3 with its eyes: a SigLIP tower, tokens averaged to a fixed number, a normed projection; images see both ways."""

from __future__ import annotations

from advisor.estimate.architecture import Architecture, Tower
from advisor.estimate.models import common, decoder, vit, vlm
from advisor.estimate.tape import nn, ops
from advisor.estimate.tape.tensor import Tape, Tensor

# https://github.com/huggingface/transformers/blob/main/src/transformers/models/gemma3/modeling_gemma3.py


@ops.module
def _projector(tape: Tape, seen: Tensor, vision: Tower, t: Tower) -> Tensor:
    """Patches as a picture of channels, averaged over squares, normed in fp32, and a product with a bare parameter."""
    picture = ops.copy(tape, seen)
    pooled = ops.token_mean(tape, picture, vlm.IMAGE_ROWS, vision.hidden)
    normed = nn.rms_norm(tape, pooled, "mm_soft_emb_norm", vision.hidden, plus_one=True)
    weight = tape.param("mm_input_projection_weight", vision.hidden, t.hidden)
    return ops.matmul_weight(tape, normed, weight, t.hidden)


@ops.module
def _inputs(tape: Tape, arch: Architecture, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    vision = vlm.vision_of(arch)
    text, table = decoder.embed(tape, arch.text)
    tape.mark("vision")
    seen, _ = vit.tower(tape, vision, images)
    tape.mark("projector")
    features = ops.cast(tape, _projector(tape, seen, vision, arch.text), text.item)
    return vlm.merge(tape, text, features), table, features


def gemma3(tape: Tape, arch: Architecture) -> common.Outputs:
    """The tower, the decoder over image and text tokens, and the loss."""
    images = vit.pixels(tape, vlm.vision_of(arch))
    tape.mark("text")
    merged, table, features = _inputs(tape, arch, images)
    hidden = decoder.stack(tape, arch.text, merged, always_masked=True)
    made = common.causal_head(tape, arch.text, hidden, table)
    made.kept.append(features)
    made.inputs = [images]
    return made
