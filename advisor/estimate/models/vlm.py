"""Vision-language models: a vision tower, a projector, and a decoder over image and text tokens."""

from __future__ import annotations

from functools import partial
from typing import Any

from advisor.estimate.architecture import Architecture, Tower
from advisor.estimate.models import common, decoder, vit
from advisor.estimate.tape import attention, nn, ops
from advisor.estimate.tape.attention import Heads
from advisor.estimate.tape.autograd import checkpoint
from advisor.estimate.tape.linear import linear
from advisor.estimate.tape.tensor import Tape, Tensor

# Rows of the tokens that images take in the decoder's sequence.
IMAGE_ROWS = "IM"


def vision_of(arch: Architecture) -> Tower:
    if arch.vision is None:
        raise NotImplementedError(f"{arch.name} without a vision tower")
    return arch.vision


@ops.module
def merge(tape: Tape, text: Tensor, images: Tensor) -> Tensor:
    """inputs_embeds.masked_scatter(mask, image_features)"""
    mask = tape.new("BS", 1.0, 1)
    return ops.masked_scatter(tape, text, images, mask)


def _decode(
    tape: Tape, arch: Architecture, merged: Tensor, table: Tensor, images: Tensor, kept: list[Tensor], rope: str = "S"
) -> common.Outputs:
    hidden = decoder.stack(tape, arch.text, merged, rope_rows=rope)
    made = common.causal_head(tape, arch.text, hidden, table)
    made.kept += kept
    made.inputs = [images]
    return made


# ------------------------------------------------------------------------------------------------ LLaVA
@ops.module
def _llava_projector(tape: Tape, x: Tensor, vision: Tower, t: Tower) -> Tensor:
    x = linear(tape, x, "multi_modal_projector.linear_1", vision.hidden, t.hidden, True)
    x = nn.activation(tape, x, "gelu")
    return linear(tape, x, "multi_modal_projector.linear_2", t.hidden, t.hidden, True)


@ops.module
def _llava_features(tape: Tape, arch: Architecture, images: Tensor) -> Tensor:
    """Features of the last layer but one (vision_feature_layer = -2), without the class token."""
    vision = vision_of(arch)
    tape.mark("vision")
    last, every = vit.tower(tape, vision, images, all_layers=True)
    layer = arch.get("vision_feature_layer", -2)
    chosen = every[layer] if isinstance(layer, int) and -len(every) <= layer < 0 else last
    chosen = ops.cut(tape, chosen, IMAGE_ROWS, vision.hidden)
    tape.mark("projector")
    return _llava_projector(tape, chosen, vision, arch.text)


@ops.module
def _llava_inputs(tape: Tape, arch: Architecture, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    text, table = decoder.embed(tape, arch.text)
    features = ops.cat(tape, [_llava_features(tape, arch, images)])
    return merge(tape, text, features), table, features


def llava(tape: Tape, arch: Architecture) -> common.Outputs:
    vision = vision_of(arch)
    images = vit.pixels(tape, vision)
    tape.mark("text")
    merged, table, features = _llava_inputs(tape, arch, images)
    return _decode(tape, arch, merged, table, images, [features])


# ------------------------------------------------------------------------------------------------ PaliGemma
@ops.module
def _paligemma_inputs(tape: Tape, arch: Architecture, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    vision = vision_of(arch)
    text, table = decoder.embed(tape, arch.text)
    tape.mark("vision")
    seen, _ = vit.tower(tape, vision, images)
    tape.mark("projector")
    seen = ops.view(tape, seen, IMAGE_ROWS)
    features = linear(tape, seen, "multi_modal_projector.linear", vision.hidden, arch.text.hidden, True)
    features = ops.cast(tape, features, text.item)
    return merge(tape, text, features), table, features


def paligemma(tape: Tape, arch: Architecture) -> common.Outputs:
    images = vit.pixels(tape, vision_of(arch))
    tape.mark("text")
    merged, table, features = _paligemma_inputs(tape, arch, images)
    # Image tokens see each other both ways, so the mask is always there.
    hidden = decoder.stack(tape, arch.text, merged, always_masked=True)
    made = common.causal_head(tape, arch.text, hidden, table)
    made.kept.append(features)
    made.inputs = [images]
    return made


# ------------------------------------------------------------------------------------------------ Idefics3, SmolVLM
@ops.module
def _idefics_inputs(tape: Tape, arch: Architecture, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    vision = vision_of(arch)
    text, table = decoder.embed(tape, arch.text)
    factor = float(arch.get("scale_factor", 2)) ** 2
    tape.mark("vision")
    real = ops.copy(tape, images)
    seen, _ = vit.tower(tape, vision, real)
    tape.mark("connector")
    shuffled = ops.copy(tape, ops.copy(tape, seen))
    shuffled = ops.view(tape, shuffled, IMAGE_ROWS, vision.hidden * factor)
    features = linear(tape, shuffled, "connector.modality_projection.proj", vision.hidden * factor, arch.text.hidden)
    zeros = tape.new("BS", arch.text.hidden, text.item)
    placed = ops.index_put_(tape, zeros, ops.index(tape, features, 1.0))
    merged = ops.where_two(tape, placed, text, tape.new("BS", 1.0, 1))
    return merged, table, features


def idefics(tape: Tape, arch: Architecture) -> common.Outputs:
    images = vit.pixels(tape, vision_of(arch))
    tape.mark("text")
    merged, table, features = _idefics_inputs(tape, arch, images)
    return _decode(tape, arch, merged, table, images, [features])


# ------------------------------------------------------------------------------------------------ nanoVLM
def nano_vlm(tape: Tape, arch: Architecture) -> common.Outputs:
    """SigLIP tower, pixel shuffle, one linear projector, Llama decoder over image tokens and then text; plain cross entropy."""
    vision, t = vision_of(arch), arch.text
    images = vit.pixels(tape, vision)
    shuffle = float(arch.get("shuffle", 0) or arch.get("mp_pixel_shuffle_factor", 2)) ** 2
    tape.mark("vision")
    seen, _ = vit.tower(tape, vision, images)
    tape.mark("projector")
    shuffled = ops.view(tape, ops.copy(tape, seen), IMAGE_ROWS, vision.hidden * shuffle)
    features = linear(tape, shuffled, "proj", vision.hidden * shuffle, t.hidden)
    tape.mark("text")
    table = tape.param("embed_tokens.weight", t.vocab, t.hidden)
    words = nn.embedding(tape, "embed_tokens", t.vocab, t.hidden, "BW", table=table)
    joined = ops.cat(tape, [features, words], rows="BS", width=t.hidden)
    hidden = decoder.stack(tape, t, joined)
    tape.mark("head")
    weight = table if t.tied else tape.param("lm_head.weight", t.vocab, t.hidden)
    logits = ops.matmul_weight(tape, hidden, weight, t.vocab)
    loss = nn.cross_entropy(tape, logits)
    return common.Outputs(loss, [logits], [images])


# ------------------------------------------------------------------------------------------------ Qwen2-VL, Qwen2.5-VL
def _qwen_norm(tape: Tape, x: Tensor, name: str, vision: Tower) -> Tensor:
    width = _width(vision)
    return nn.rms_norm(tape, x, name, width) if vision.kind == "qwen2_5_vl" else nn.layer_norm(tape, x, name, width)


def _width(vision: Tower) -> float:
    """Width of the tower: `embed_dim` in Qwen2-VL (whose `hidden_size` is the decoder's), `hidden_size` in Qwen2.5-VL."""
    return float(vision.get("embed_dim") or vision.hidden)


def _float_rotary(tape: Tape, q: Tensor, k: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    """apply_rotary_pos_emb_vision: in fp32 whatever the dtype."""
    item = q.item
    q, k = ops.cast(tape, q, 4), ops.cast(tape, k, 4)
    cos, sin = ops.cast(tape, cos, 4), ops.cast(tape, sin, 4)
    q, k = common.rotary(tape, q, k, cos, sin)
    return ops.cast(tape, q, item), ops.cast(tape, k, item)


@ops.module
def qwen_attention(tape: Tape, hidden: Tensor, vision: Tower, cos: Tensor, sin: Tensor) -> Tensor:
    width = _width(vision)
    qkv = linear(tape, hidden, "attn.qkv", width, 3 * width, True)
    q, k, v = ops.split(tape, qkv, 1 / 3, 1 / 3, 1 / 3)
    q, k = _float_rotary(tape, q, k, cos, sin)
    # Each image, or each window of Qwen2.5-VL, is a call of its own; what they keep adds up to one call over all tokens.
    heads = Heads(vision.heads, vision.heads, width / vision.heads, "IN", "IN", "INN")
    q, k, v = (ops.split(tape, x, 1.0)[0] for x in (q, k, v))
    if tape.mode.attention == "eager":
        out = attention.eager(tape, q, k, v, heads)
    else:
        out = attention.sdpa(tape, q, k, v, heads)
    out = ops.cat(tape, [out])
    return linear(tape, out, "attn.proj", width, width, True)


@ops.module
def _qwen_mlp(tape: Tape, x: Tensor, vision: Tower) -> Tensor:
    width = _width(vision)
    if vision.kind == "qwen2_5_vl":
        gate = nn.activation(tape, linear(tape, x, "mlp.gate_proj", width, vision.ffn, True), "silu")
        return linear(
            tape,
            ops.mul(tape, gate, linear(tape, x, "mlp.up_proj", width, vision.ffn, True)),
            "mlp.down_proj",
            vision.ffn,
            width,
            True,
        )
    wide = width * float(vision.get("mlp_ratio", 4))
    act = str(vision.get("hidden_act", "quick_gelu"))
    return linear(
        tape, nn.activation(tape, linear(tape, x, "mlp.fc1", width, wide, True), act), "mlp.fc2", wide, width, True
    )


@ops.module
def _qwen_block(tape: Tape, hidden: Tensor, *, vision: Tower, cos: Tensor, sin: Tensor) -> Tensor:
    hidden = ops.add(tape, hidden, qwen_attention(tape, _qwen_norm(tape, hidden, "norm1", vision), vision, cos, sin))
    return ops.add(tape, hidden, _qwen_mlp(tape, _qwen_norm(tape, hidden, "norm2", vision), vision))


def _call(tape: Tape, hidden: Tensor, **named: Any) -> Tensor:
    return _qwen_block(tape, hidden, **named)


@ops.module
def _qwen_tower(tape: Tape, vision: Tower, patches: Tensor, out: float) -> Tensor:
    width = _width(vision)
    merge = float(vision.get("spatial_merge_size", 2)) ** 2
    numbers = patch_numbers(vision)
    hidden = vit.asking(tape, nn.conv(tape, patches, "patch_embed.proj", numbers, width, "IN", width, False))
    windows = vision.kind == "qwen2_5_vl"
    if windows:
        hidden = ops.index(tape, hidden, 1.0)
    cos, sin = common.rotary_tables(tape, width / vision.heads, hidden.item, "IN")
    for _ in tape.layers("vision", int(vision.get("depth") or vision.layers)):
        hidden = checkpoint(tape, partial(_call, tape, vision=vision, cos=cos, sin=sin), hidden)
    tape.mark("vision")
    merged = _qwen_norm(tape, hidden, "merger.ln_q", vision)
    merged = ops.view(tape, merged, IMAGE_ROWS, width * merge)
    merged = nn.activation(tape, linear(tape, merged, "merger.mlp.0", width * merge, width * merge, True), "gelu")
    merged = linear(tape, merged, "merger.mlp.2", width * merge, out, True)
    return ops.index(tape, merged, 1.0) if windows else merged


def patch_numbers(vision: Tower) -> float:
    return 3.0 * float(vision.get("temporal_patch_size", 2)) * float(vision.get("patch_size", 14)) ** 2


@ops.module
def _qwen_inputs(tape: Tape, arch: Architecture, patches: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    text, table = decoder.embed(tape, arch.text)
    tape.mark("vision")
    features = ops.cat(tape, [_qwen_tower(tape, vision_of(arch), patches, float(arch.text.hidden))])
    tape.mark("text")
    return merge(tape, text, features), table, features


def qwen_vl(tape: Tape, arch: Architecture) -> common.Outputs:
    patches = tape.new("IN", patch_numbers(vision_of(arch)), tape.mode.item, "inputs")
    tape.mark("text")
    merged, table, features = _qwen_inputs(tape, arch, patches)
    del features
    return _decode(tape, arch, merged, table, patches, [], rope="BS")
