"""Decoders built like Llama: RMS norm, rotary positions, grouped queries, gated MLP or experts, in the variants of each family."""

from __future__ import annotations

from functools import partial
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from advisor.estimate.architecture import Architecture, Tower
from advisor.estimate.models import common, mla, moe
from advisor.estimate.tape import attention, nn, ops
from advisor.estimate.tape.attention import Heads
from advisor.estimate.tape.autograd import checkpoint
from advisor.estimate.tape.linear import linear
from advisor.estimate.tape.tensor import Tape, Tensor


class Style(Struct, frozen=True):
    """How a family departs from Llama.

    Attributes:
        qkv_bias, out_bias: biases of the projections. qk_norm: "", "head" (per head), "full" (whole projection) or "turned" (per head,
        after the rotary positions).
        norms: "pre", "post" (OLMo 2: after attention and MLP only) or "both" (Gemma 2 and 3).
        plus_one: Gemma's norm. late_cast: OLMo 2's norm. scaled: embeddings are multiplied.
        joint_qkv, joint_mlp: one projection for queries, keys and values (Phi-3), and for gate and up (Phi-3, GLM).
        gated: the MLP multiplies by a gate. layer_norm: nn.LayerNorm ("plain"; "bare": without weights, in fp32) instead of an RMS norm.
        turned: share of each head that rotary positions turn where it is not all of it; the configuration may say otherwise.
    """

    qkv_bias: bool = False
    out_bias: bool = False
    mlp_bias: bool = False
    qk_norm: str = ""
    norms: str = "pre"
    plus_one: bool = False
    late_cast: bool = False
    scaled: bool = False
    joint_qkv: bool = False
    joint_mlp: bool = False
    gated: bool = True
    layer_norm: str = ""
    turned: float = 1.0


_STYLES = {
    "qwen2": Style(qkv_bias=True), "qwen2_vl_text": Style(qkv_bias=True), "qwen2_5_vl_text": Style(qkv_bias=True),
    "qwen2_moe": Style(qkv_bias=True), "qwen3": Style(qk_norm="head"),
    "qwen3_vl_text": Style(qk_norm="head"), "qwen3_vl_moe_text": Style(qk_norm="head"),
     "qwen3_moe": Style(qk_norm="head"),
    "olmo2": Style(qk_norm="full", norms="post", late_cast=True), "olmoe": Style(qk_norm="full"),
    "gemma": Style(plus_one=True, scaled=True), "gemma2": Style(plus_one=True, scaled=True, norms="both"),
    "gemma3_text": Style(plus_one=True, scaled=True, norms="both", qk_norm="head"), "phi3": Style(joint_qkv=True, joint_mlp=True),
    "olmo": Style(layer_norm="bare"), "olmo3": Style(qk_norm="full", norms="post", late_cast=True),
    "exaone4": Style(qk_norm="head", norms="post"), "arcee": Style(gated=False),
    "hunyuan_v1_dense": Style(qk_norm="turned"), "hunyuan_v1_moe": Style(qk_norm="turned"),
    "glm": Style(qkv_bias=True, joint_mlp=True, turned=0.5), "nemotron": Style(gated=False, layer_norm="plain", turned=0.5),
    "starcoder2": Style(qkv_bias=True, out_bias=True, mlp_bias=True, gated=False, layer_norm="plain"),
}  # fmt: skip


# Families whose layers keep what Llama's do (checked against traces), scales, biases and the order of the rotation aside.
_LIKE_LLAMA = frozenset({
    "llama", "mistral", "mixtral", "granite", "cohere", "cohere2", "stablelm", "smollm3", "ernie4_5", "ministral",
    "glm4", "deepseek_v2", "deepseek_v3",
})  # fmt: skip


def own_code(tower: Tower) -> bool:
    """Whether the tower's layers were written after, or checked against, the family's own code; others run as a Llama's."""
    return tower.kind in _STYLES or tower.kind in _LIKE_LLAMA


def style_of(tower: Tower) -> Style:
    known = _STYLES.get(tower.kind)
    if known is not None:
        return known
    bias = bool(tower.get("attention_bias", False))
    return Style(
        qkv_bias=bias or bool(tower.get("qkv_bias", False)),
        out_bias=bias,
        mlp_bias=bool(tower.get("mlp_bias", False)),
        gated=bool(tower.get("gated_mlp", True)),
    )


def _norm(tape: Tape, x: Tensor, name: str, width: float, style: Style) -> Tensor:
    if style.layer_norm == "bare":
        return ops.cast(tape, nn.layer_norm(tape, ops.cast(tape, x, 4), name, width, affine=False), x.item)
    if style.layer_norm:
        return nn.layer_norm(tape, x, name, width)
    return nn.rms_norm(tape, x, name, width, plus_one=style.plus_one, late_cast=style.late_cast)


def _turned(t: Tower, style: Style) -> float:
    """Share of each head that rotary positions turn; only families whose code knows of one take it from the configuration."""
    return float(t.get("partial_rotary_factor") or style.turned) if style.turned < 1.0 else 1.0


@ops.module
def self_attention(
    tape: Tape, hidden: Tensor, t: Tower, style: Style, cos: Tensor, sin: Tensor, mask: Tensor | None, heads: Heads
) -> Tensor:
    size = heads.size
    q_width, kv_width = heads.query * size, heads.kv * size
    if style.joint_qkv:
        qkv = linear(tape, hidden, "qkv_proj", t.hidden, q_width + 2 * kv_width)
        whole = q_width + 2 * kv_width
        q = ops.slice_last(tape, qkv, q_width / whole)
        k = ops.slice_last(tape, qkv, kv_width / whole)
        v = ops.slice_last(tape, qkv, kv_width / whole)
    else:
        q = linear(tape, hidden, "q_proj", t.hidden, q_width, style.qkv_bias)
        if style.qk_norm in ("head", "full"):
            q = _norm(tape, q, "q_norm", size if style.qk_norm == "head" else q_width, style)
        k = linear(tape, hidden, "k_proj", t.hidden, kv_width, style.qkv_bias)
        if style.qk_norm in ("head", "full"):
            k = _norm(tape, k, "k_norm", size if style.qk_norm == "head" else kv_width, style)
        v = linear(tape, hidden, "v_proj", t.hidden, kv_width, style.qkv_bias)
    turned = _turned(t, style)
    q, k = common.partial_rotary(tape, q, k, cos, sin, turned)
    if style.qk_norm == "turned":
        q, k = _norm(tape, q, "q_norm", size, style), _norm(tape, k, "k_norm", size, style)
    if style.joint_qkv:  # Phi-3 joins the rotated part of each head with the rest, which may be empty
        q, k = ops.cat(tape, [q]), ops.cat(tape, [k])
    softcap = bool(t.get("attn_logit_softcapping")) and t.kind == "gemma2"
    if tape.mode.attention == "eager":
        out = attention.eager(tape, q, k, v, heads, mask, t.attention_dropout, softcap=softcap)
    else:
        out = attention.sdpa(
            tape, q, k, v, heads, mask, t.attention_dropout, head_major=style.joint_qkv or turned < 1.0
        )
    return linear(tape, out, "o_proj", q_width, t.hidden, style.out_bias)


@ops.module
def gated_mlp(tape: Tape, x: Tensor, t: Tower, style: Style, ffn: float) -> Tensor:
    """down(act(gate(x)) * up(x)), or down(act(up(x)))"""
    if not style.gated:
        x = nn.activation(tape, linear(tape, x, "up_proj", t.hidden, ffn, style.mlp_bias), t.act)
        return linear(tape, x, "down_proj", ffn, t.hidden, style.mlp_bias)
    if style.joint_mlp:
        up = linear(tape, x, "gate_up_proj", t.hidden, 2 * ffn)
        gate, up = ops.split(tape, up, 0.5, 0.5)
        up = ops.mul(tape, up, nn.activation(tape, gate, t.act))
        return linear(tape, up, "down_proj", ffn, t.hidden)
    return linear(
        tape,
        ops.mul(
            tape,
            nn.activation(tape, linear(tape, x, "gate_proj", t.hidden, ffn, style.mlp_bias), t.act),
            linear(tape, x, "up_proj", t.hidden, ffn, style.mlp_bias),
        ),
        "down_proj",
        ffn,
        t.hidden,
        style.mlp_bias,
    )


@ops.module
def layer(
    tape: Tape, hidden: Tensor, *, t: Tower, style: Style, cos: Tensor, sin: Tensor, mask: Tensor | None, heads: Heads
) -> Tensor:
    """One decoder layer. [BS, hidden] -> [BS, hidden]"""
    residual = hidden
    if style.norms != "post":
        hidden = _norm(tape, hidden, "input_layernorm", t.hidden, style)
    if mla.latent(t):
        hidden = mla.self_attention(tape, hidden, t, cos, sin, mask)
    else:
        hidden = self_attention(tape, hidden, t, style, cos, sin, mask, heads)
    if style.norms != "pre":
        hidden = _norm(tape, hidden, "post_attention_layernorm", t.hidden, style)
    hidden = ops.add(tape, residual, hidden)
    residual = hidden
    if style.norms == "pre":
        hidden = _norm(tape, hidden, "post_attention_layernorm", t.hidden, style)
    elif style.norms == "both":
        hidden = _norm(tape, hidden, "pre_feedforward_layernorm", t.hidden, style)
    if t.experts:
        hidden = moe.block(tape, hidden, t)
    else:
        hidden = gated_mlp(tape, hidden, t, style, t.ffn)
    if style.norms != "pre":
        hidden = _norm(tape, hidden, "post_feedforward_layernorm", t.hidden, style)
    return ops.add(tape, residual, hidden)


@ops.module
def stack(
    tape: Tape, t: Tower, hidden: Tensor, name: str = "text", rope_rows: str = "S", always_masked: bool = False
) -> Tensor:
    """The layers and the last norm over embedded inputs."""
    style = style_of(t)
    heads = Heads(t.heads, t.kv_heads, t.head_dim)
    windows = _windows(t)
    full_mask, window_mask = common.causal_masks(tape, bool(windows.count(True)), not all(windows), always_masked)
    turned = float(t.get("qk_rope_head_dim")) if mla.latent(t) else t.head_dim * _turned(t, style)
    rotary = common.rotary_tables(tape, turned, hidden.item, rope_rows)
    second = common.rotary_tables(tape, t.head_dim, hidden.item, rope_rows) if t.kind == "gemma3_text" else rotary
    dense = min(int(t.get("first_k_dense_replace") or 0), t.layers - 1) if t.experts else 0
    for sliding, count, label in _runs(windows, name, dense):
        cos, sin = second if sliding else rotary
        mask = window_mask if sliding else full_mask
        own = replace(t, experts=0) if label.endswith(".dense") else t
        for _ in tape.layers(label, count):
            hidden = checkpoint(
                tape, partial(positional, tape, t=own, style=style, cos=cos, sin=sin, mask=mask, heads=heads), hidden
            )
    return _norm(tape, hidden, "norm", t.hidden, style)


def positional(tape: Tape, hidden: Tensor, **named: Any) -> Tensor:
    return layer(tape, hidden, **named)


def _windows(t: Tower) -> list[bool]:
    """For each layer, whether it attends to a sliding window."""
    kinds = t.get("layer_types")
    if isinstance(kinds, list):
        return [str(kind).startswith(("sliding", "chunked")) for kind in kinds][: t.layers]
    if isinstance(kinds, dict):
        sliding = int(kinds.get("sliding_attention", 0))
        return [True] * sliding + [False] * (t.layers - sliding)
    if not t.get("sliding_window"):
        return [False] * t.layers
    if t.kind == "gemma2":
        return [index % 2 == 0 for index in range(t.layers)]
    if t.kind == "gemma3_text":
        return [(index + 1) % 6 != 0 for index in range(t.layers)]
    if t.kind.startswith("qwen2") and not t.get("use_sliding_window"):
        return [False] * t.layers
    return [True] * t.layers


def _runs(windows: list[bool], name: str, dense: int = 0) -> list[tuple[bool, int, str]]:
    """Layers of one kind taken together: (sliding, how many, scope); the first `dense` have an MLP where the others have experts."""
    sliding = windows.count(True)
    runs = [
        (False, dense, f"{name}.dense"),
        (True, sliding, f"{name}.window"),
        (False, len(windows) - sliding - dense, name),
    ]
    return [run for run in runs if run[1]]


@ops.module
def embed(tape: Tape, t: Tower) -> tuple[Tensor, Tensor]:
    """The token embeddings, and the table itself for a tied head."""
    table = tape.param("embed_tokens.weight", t.vocab, t.hidden)
    hidden = nn.embedding(tape, "embed_tokens", t.vocab, t.hidden, table=table)
    if style_of(t).scaled:
        hidden = ops.scale(tape, hidden)
    return hidden, table


def causal_lm(tape: Tape, arch: Architecture) -> common.Outputs:
    t = arch.text
    hidden, table = embed(tape, t)
    hidden = stack(tape, t, hidden)
    return common.causal_head(tape, t, hidden, table)
