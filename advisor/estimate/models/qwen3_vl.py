"""Qwen3-VL: a tower whose middle layers hand features to the decoder's first layers (deepstack), beside those of its last layer."""

from __future__ import annotations

from functools import partial
from typing import Any

from advisor.estimate.architecture import Architecture, Tower
from advisor.estimate.models import common, decoder, vlm
from advisor.estimate.tape import nn, ops
from advisor.estimate.tape.attention import Heads
from advisor.estimate.tape.autograd import checkpoint
from advisor.estimate.tape.linear import linear
from advisor.estimate.tape.tensor import Tape, Tensor

# https://github.com/huggingface/transformers/blob/main/src/transformers/models/qwen3_vl/modeling_qwen3_vl.py


@ops.module
def _mlp(tape: Tape, x: Tensor, vision: Tower) -> Tensor:
    up = nn.activation(tape, linear(tape, x, "mlp.linear_fc1", vision.hidden, vision.ffn, True), vision.act)
    return linear(tape, up, "mlp.linear_fc2", vision.ffn, vision.hidden, True)


@ops.module
def _block(tape: Tape, hidden: Tensor, *, vision: Tower, cos: Tensor, sin: Tensor) -> Tensor:
    normed = nn.layer_norm(tape, hidden, "norm1", vision.hidden)
    hidden = ops.add(tape, hidden, vlm.qwen_attention(tape, normed, vision, cos, sin))
    return ops.add(tape, hidden, _mlp(tape, nn.layer_norm(tape, hidden, "norm2", vision.hidden), vision))


def _call(tape: Tape, hidden: Tensor, **named: Any) -> Tensor:
    return _block(tape, hidden, **named)


@ops.module
def _merger(tape: Tape, x: Tensor, vision: Tower, out: float, name: str, after: bool) -> Tensor:
    """Neighbouring patches joined and projected; the norm comes before the joining or `after` it."""
    width = vision.hidden * float(vision.get("spatial_merge_size", 2)) ** 2
    if after:
        x = nn.layer_norm(tape, ops.view(tape, x, vlm.IMAGE_ROWS, width), f"{name}.norm", width)
    else:
        x = ops.view(tape, nn.layer_norm(tape, x, f"{name}.norm", vision.hidden), vlm.IMAGE_ROWS, width)
    x = nn.activation(tape, linear(tape, x, f"{name}.linear_fc1", width, width, True), "gelu")
    return linear(tape, x, f"{name}.linear_fc2", width, out, True)


def _taken(vision: Tower) -> list[int]:
    """After which layers features are taken."""
    places = vision.get("deepstack_visual_indexes")
    return sorted(int(place) for place in places) if isinstance(places, list) else []


@ops.module
def _tower(tape: Tape, vision: Tower, patches: Tensor, out: float) -> tuple[Tensor, list[Tensor]]:
    width, numbers = float(vision.hidden), vlm.patch_numbers(vision)
    hidden = nn.conv(tape, patches, "patch_embed.proj", numbers, width, "IN", width)
    places = nn.embedding(tape, "pos_embed", float(vision.get("num_position_embeddings", 2304)), width, "IN")
    hidden = ops.add(tape, hidden, places)
    del places
    cos, sin = common.rotary_tables(tape, width / vision.heads, hidden.item, "IN")
    depth = int(vision.get("depth") or vision.layers)
    features: list[Tensor] = []
    start = 0
    for index, end in enumerate([*(place + 1 for place in _taken(vision)), depth]):
        for _ in tape.layers(f"vision.{index}", end - start):
            hidden = checkpoint(tape, partial(_call, tape, vision=vision, cos=cos, sin=sin), hidden)
        tape.mark("vision")
        start = end
        if end < depth:
            features.append(_merger(tape, hidden, vision, out, f"deepstack_merger_list.{index}", True))
    return _merger(tape, hidden, vision, out, "merger", False), features


def _masked(tape: Tape, x: Tensor, rows: str) -> Tensor:
    """x[mask]: a copy of the rows that images take; its backward puts them into a whole tensor of zeros."""
    out = tape.new(rows, x.width, x.item)
    return ops._attach(tape, out, [x], (), ops._copy_backward, x.shape)


@ops.module
def _deepstack(tape: Tape, hidden: Tensor, feature: Tensor) -> Tensor:
    hidden = ops.copy(tape, hidden)
    local = ops.add(tape, _masked(tape, hidden, vlm.IMAGE_ROWS), ops.cast(tape, feature, hidden.item))
    return ops.index_put_(tape, hidden, local)


@ops.module
def _decode(tape: Tape, t: Tower, hidden: Tensor, features: list[Tensor]) -> Tensor:
    """The decoder's layers, the first of which take the features of the tower's middle."""
    heads, style = Heads(t.heads, t.kv_heads, t.head_dim), decoder.style_of(t)
    mask, _ = common.causal_masks(tape, False, True)
    cos, sin = common.rotary_tables(tape, t.head_dim, hidden.item, "BS")
    run = partial(decoder.positional, tape, t=t, style=style, cos=cos, sin=sin, mask=mask, heads=heads)
    for index, feature in enumerate(features):
        for _ in tape.layers(f"text.deep{index}", 1):
            hidden = checkpoint(tape, run, hidden)
        tape.mark("text")
        hidden = _deepstack(tape, hidden, feature)
    for _ in tape.layers("text", t.layers - len(features)):
        hidden = checkpoint(tape, run, hidden)
    return nn.rms_norm(tape, hidden, "norm", t.hidden)


@ops.module
def _inputs(tape: Tape, arch: Architecture, patches: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
    text, table = decoder.embed(tape, arch.text)
    tape.mark("vision")
    last, features = _tower(tape, vlm.vision_of(arch), patches, float(arch.text.hidden))
    merged = vlm.merge(tape, text, ops.cat(tape, [last]))
    tape.mark("text")
    return merged, table, features


def qwen3_vl(tape: Tape, arch: Architecture) -> common.Outputs:
    """The tower, the decoder over image and text tokens, and the loss."""
    patches = tape.new("IN", vlm.patch_numbers(vlm.vision_of(arch)), tape.mode.item, "inputs")
    tape.mark("text")
    merged, table, features = _inputs(tape, arch, patches)
    hidden = _decode(tape, arch.text, merged, features)
    made = common.causal_head(tape, arch.text, hidden, table)
    made.inputs = [patches]
    return made
