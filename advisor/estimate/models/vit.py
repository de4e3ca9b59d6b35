"""Vision transformers: ViT, DINOv2, the towers of CLIP and SigLIP, and CLIP-like pairs of towers."""

from __future__ import annotations

from functools import partial
from typing import Any

from advisor.estimate.architecture import Architecture, Tower
from advisor.estimate.models import common
from advisor.estimate.tape import attention, nn, ops
from advisor.estimate.tape.attention import Heads
from advisor.estimate.tape.autograd import checkpoint
from advisor.estimate.tape.linear import linear
from advisor.estimate.tape.tensor import ONE, Tape, Tensor

# Kinds whose patches are preceded by a class token.
WITH_CLASS_TOKEN = frozenset({"vit", "deit", "dinov2", "clip_vision_model", "beit", "chinese_clip_vision_model"})


def image_side(t: Tower) -> float:
    side = t.get("image_size", 224)
    return float(side[0] if isinstance(side, list | tuple) else side)


def patch_side(t: Tower) -> float:
    side = t.get("patch_size", 16)
    return float(side[0] if isinstance(side, list | tuple) else side)


def positions_of(t: Tower) -> float:
    """Tokens of one image inside the tower."""
    side = image_side(t) // patch_side(t)
    return side * side + (t.kind in WITH_CLASS_TOKEN)


def pixels(tape: Tape, t: Tower, item: int = 0) -> Tensor:
    """The batch of images: 3 * side * side values each, in the dtype of the weights."""
    return tape.new("I", 3 * image_side(t) ** 2, item or tape.mode.item, "inputs")


def asking(tape: Tape, embedded: Tensor) -> Tensor:
    """Embeddings that ask for a gradient, as PEFT makes them under checkpointing, so that a frozen tower keeps its checkpoints too.

    transformers/modeling_utils.py, enable_input_require_grads: since version 5 the embeddings of every model inside.
    """
    return (
        ops.leaf(embedded) if tape.mode.lora is not None and tape.mode.checkpoint and not embedded.needs else embedded
    )


@ops.module
def embeddings(tape: Tape, t: Tower, images: Tensor) -> Tensor:
    """Patches by a convolution, the class token where there is one, and learned positions. [I, pixels] -> [IN, hidden]"""
    h, patch = float(t.hidden), patch_side(t)
    bias = t.kind != "clip_vision_model"
    hidden = asking(tape, nn.conv(tape, images, "patch_embedding", 3 * patch * patch, h, "IN", h, bias))
    if t.kind in WITH_CLASS_TOKEN:
        token = ops.view(tape, tape.param("class_embedding", h), ONE, h)
        hidden = ops.cat(tape, [token, hidden], rows="IN", width=h)
    places = positions_of(t)
    if t.kind in ("vit", "deit", "dinov2"):
        position = tape.param("position_embeddings", places, h)
    elif t.kind in ("idefics3_vision", "smolvlm_vision"):
        position = nn.embedding(tape, "position_embedding", places, h, "IN")
    else:
        position = ops.view(tape, nn.embedding(tape, "position_embedding", places, h, f"#{places:g}"), ONE, places * h)
    return ops.add(tape, hidden, position)


def _names(t: Tower) -> tuple[str, str, str, str]:
    if t.kind == "dinov2":
        return "query", "key", "value", "output.dense"
    return "q_proj", "k_proj", "v_proj", "o_proj" if t.kind in ("vit", "deit") else "out_proj"


@ops.module
def _attention(tape: Tape, hidden: Tensor, t: Tower, heads: Heads, mask: Tensor | None) -> Tensor:
    names, h = _names(t), float(t.hidden)
    q = linear(tape, hidden, names[0], h, h, True)
    k = linear(tape, hidden, names[1], h, h, True)
    v = linear(tape, hidden, names[2], h, h, True)
    if tape.mode.attention == "eager":
        out = attention.eager(tape, q, k, v, heads, mask, t.attention_dropout)
    else:
        out = attention.sdpa(tape, q, k, v, heads, mask, t.attention_dropout)
    return linear(tape, out, names[3], h, h, True)


@ops.module
def _mlp(tape: Tape, hidden: Tensor, t: Tower) -> Tensor:
    hidden = linear(tape, hidden, "fc1", t.hidden, t.ffn, True)
    hidden = nn.activation(tape, hidden, t.act)
    return linear(tape, hidden, "fc2", t.ffn, t.hidden, True)


@ops.module
def layer(tape: Tape, hidden: Tensor, *, t: Tower, heads: Heads, mask: Tensor | None) -> Tensor:
    """Norm, attention, add; norm, MLP, add. [IN, hidden] -> [IN, hidden]"""
    residual = hidden
    hidden = nn.layer_norm(tape, hidden, "layer_norm1", t.hidden)
    hidden = _attention(tape, hidden, t, heads, mask)
    hidden = ops.dropout(tape, hidden, t.dropout)
    hidden = ops.add(tape, residual, hidden)
    residual = hidden
    hidden = nn.layer_norm(tape, hidden, "layer_norm2", t.hidden)
    hidden = _mlp(tape, hidden, t)
    hidden = ops.dropout(tape, hidden, t.dropout)
    return ops.add(tape, residual, hidden)


@ops.module
def _scaled(tape: Tape, hidden: Tensor, name: str, t: Tower) -> Tensor:
    return ops.mul(tape, hidden, tape.param(name, t.hidden))


@ops.module
def scaled_layer(tape: Tape, hidden: Tensor, *, t: Tower, heads: Heads, mask: Tensor | None) -> Tensor:
    """DINOv2's layer: each branch is scaled, and the normed input stays in a variable. [IN, hidden] -> [IN, hidden]"""
    normed = nn.layer_norm(tape, hidden, "norm1", t.hidden)
    attended = _attention(tape, normed, t, heads, mask)
    attended = _scaled(tape, attended, "layer_scale1", t)
    hidden = ops.add(tape, attended, hidden)
    out = nn.layer_norm(tape, hidden, "norm2", t.hidden)
    out = _mlp(tape, out, t)
    out = _scaled(tape, out, "layer_scale2", t)
    out = ops.add(tape, out, hidden)
    del normed
    return out


def _call(tape: Tape, hidden: Tensor, **named: Any) -> Tensor:
    t = named["t"]
    return scaled_layer(tape, hidden, **named) if t.kind == "dinov2" else layer(tape, hidden, **named)


def run(tape: Tape, t: Tower, hidden: Tensor, heads: Heads, mask: Tensor | None, name: str = "vision") -> list[Tensor]:
    """The outputs of the layers: of the first, of the one that stands for all between, and of the last."""
    every = [hidden]
    for _ in tape.layers(name, t.layers):
        hidden = checkpoint(tape, partial(_call, tape, t=t, heads=heads, mask=mask), hidden)
        every.append(hidden)
    return every


def heads_of(t: Tower) -> Heads:
    return Heads(t.heads, t.heads, t.head_dim, "IN", "IN", "INN")


@ops.module
def tower(tape: Tape, t: Tower, images: Tensor, *, all_layers: bool = False) -> tuple[Tensor, list[Tensor]]:
    """The tower over a batch of images; with `all_layers` the outputs of all layers are kept as well."""
    hidden = embeddings(tape, t, images)
    if t.kind == "clip_vision_model":
        hidden = nn.layer_norm(tape, hidden, "pre_layrnorm", t.hidden)
    every = run(tape, t, hidden, heads_of(t), None)
    last = every[-1]
    if not all_layers:
        every = []
    if t.kind != "clip_vision_model":
        last = nn.layer_norm(tape, last, "post_layernorm", t.hidden)
    return last, every


def image_classifier(tape: Tape, arch: Architecture) -> common.Outputs:
    t = arch.text
    labels = float(arch.get("num_labels", 1000))
    tape.mark("vision")
    images = pixels(tape, t)
    hidden, _ = tower(tape, t, images)
    tape.mark("head")
    first = ops.select(tape, hidden, "I", t.hidden)
    if t.kind == "dinov2":
        rest = ops.token_mean(tape, hidden, "I", t.hidden)
        first = ops.cat(tape, [first, rest])
    width = t.hidden * (2 if t.kind == "dinov2" else 1)
    logits = linear(tape, first, "classifier", width, labels, True)
    return common.Outputs(nn.cross_entropy(tape, logits), [logits], [images])


# ------------------------------------------------------------------------------------------------ pairs of towers
@ops.module
def _text(tape: Tape, t: Tower, siglip: bool) -> Tensor:
    table = tape.param("token_embedding.weight", t.vocab, t.hidden)
    words = nn.embedding(tape, "token_embedding", t.vocab, t.hidden, table=table)
    positions = nn.embedding(tape, "text.position_embedding", t.positions, t.hidden, "S")
    hidden = ops.add(tape, words, positions)
    heads = Heads(t.heads, t.heads, t.head_dim)
    mask = common.float_mask(tape, "SS", tape.mode.item) if tape.mode.attention == "eager" and not siglip else None
    hidden = run(tape, t, hidden, heads, mask, "text")[-1]
    return nn.layer_norm(tape, hidden, "final_layer_norm", t.hidden)


@ops.module
def _pooling_head(tape: Tape, t: Tower, hidden: Tensor) -> Tensor:
    """SigLIP's attention pooling: one query for each image over all its tokens (nn.MultiheadAttention)."""
    h = float(t.hidden)
    tape.param("head.probe", h)
    in_weight = tape.param("head.in_proj", 3 * h, h)
    tape.param("head.in_proj_bias", 3 * h)
    tokens = ops.copy(tape, hidden)
    kv = ops.matmul_weight(tape, tokens, in_weight, 2 * h)
    kv = ops.copy(tape, kv)
    pooled = ops.select(tape, kv, "I", h)
    pooled = linear(tape, pooled, "head.out_proj", h, h, True)
    residual = pooled
    pooled = nn.layer_norm(tape, pooled, "head.layernorm", h)
    pooled = linear(tape, pooled, "head.fc1", h, t.ffn, True)
    pooled = linear(tape, nn.activation(tape, pooled, t.act), "head.fc2", t.ffn, h, True)
    return ops.add(tape, residual, pooled)


def pair(tape: Tape, arch: Architecture) -> common.Outputs:
    """CLIP and SigLIP: both towers, projections, and the loss over the matrix of similarities."""
    text, vision = arch.text, arch.vision
    assert vision is not None  # noqa: S101 - a pair always has a vision tower
    siglip = "siglip" in text.kind
    tape.mark("vision")
    images = pixels(tape, vision)
    seen, _ = tower(tape, vision, images)
    if siglip:
        image = _pooling_head(tape, vision, seen)
    else:
        image = ops.select(tape, seen, "I", vision.hidden)
        image = nn.layer_norm(tape, image, "post_layernorm", vision.hidden)
    tape.mark("text")
    read = _text(tape, text, siglip)
    words = ops.select(tape, read, "B", text.hidden)
    tape.mark("head")
    if siglip:
        words = linear(tape, words, "text_head", text.hidden, text.hidden, True)
    else:
        project = float(arch.get("projection_dim", 512))
        image = linear(tape, image, "visual_projection", vision.hidden, project)
        words = linear(tape, words, "text_projection", text.hidden, project)
    similarity = ops.bmm(tape, words, image, "BB", 1.0)
    loss = nn.cross_entropy(tape, similarity)
    return common.Outputs(loss, [similarity, seen, read], [images])
